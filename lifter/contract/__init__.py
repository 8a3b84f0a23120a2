"""The shelf that every room may use: Motion, Skeleton, events and errors, the file format. numpy and stdlib only."""
