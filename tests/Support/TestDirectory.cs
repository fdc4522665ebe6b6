using System.Globalization;

namespace Containers.Tests;

/// <summary>A directory of a test's own, removed with all that is in it.</summary>
internal sealed class TestDirectory : IDisposable
{
    private static int s_count;

    /// <summary>Where tests keep files: on a disk and not in a tmpfs, since overlays, owners and holes are at stake.</summary>
    public static string Home { get; } = Environment.GetEnvironmentVariable("TEST_HOME") ?? "/var/tmp";

    // Made when it is first asked for: a test that is skipped by its constructor is not disposed.
    private readonly Lazy<string> _path = new(static () => Directory.CreateDirectory(System.IO.Path.Combine(Home, string.Create(CultureInfo.InvariantCulture,
        $"containers-tests-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}"))).FullName);

    public string Path => _path.Value;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        if (!_path.IsValueCreated)
        {
            return;
        }

        if (Environment.UserName != "root")
        {
            Tool.Try("chmod", "-R", "u+rwX", Path); // an overlay's working directory is closed to its owner
            Tool.Try("unshare", "--user", "--map-root-user", "--map-auto", "rm", "-rf", Path); // what belongs to sub-ids is not this user's to remove
        }

        Tool.Run("rm", "-rf", Path); // names that are no UTF-8 are beyond Directory.Delete
    }
}
