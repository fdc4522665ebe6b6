namespace Containers.Benchmarks;

/// <summary>A folder of this run's own under /var/tmp, which is a real file system where /tmp may be memory. Removed at the end.</summary>
internal sealed class WorkFolder : IDisposable
{
    public string Path { get; } = Directory.CreateDirectory($"/var/tmp/containers-benchmarks-{Environment.ProcessId}").FullName;

    public string In(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        // What is mounted in here would be deleted with it, and it might be the host's: then it stays, and says so.
        if (File.ReadLines("/proc/self/mountinfo").Any(line => line.Contains($" {Path}/", StringComparison.Ordinal)))
        {
            Console.Error.WriteLine($"Something is still mounted below {Path}; it is left there.");
            return;
        }

        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException e)
        {
            Console.Error.WriteLine($"{Path} could not be removed: {e.Message}");
        }
    }
}
