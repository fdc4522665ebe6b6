namespace Quickstart;

/// <summary>A directory of the tour's own, removed at its end.</summary>
internal sealed class WorkDirectory : IDisposable
{
    // Not in /tmp, which may be a tmpfs: the overlay's changes are to go to a disk, as they usually do.
    private readonly string _path = Directory.CreateDirectory(Path.Combine("/var/tmp", $"containers-quickstart-{Environment.ProcessId}")).FullName;

    public string this[string name] => Path.Combine(_path, name);

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
