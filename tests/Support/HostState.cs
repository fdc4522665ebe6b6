using Xunit;

[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)] // what is left on the host is counted for one class at a time

namespace Containers.Tests;

/// <summary>
/// The shared check that a class of tests leaves the host as it was: no mount, link, process, cgroup, descriptor or file of
/// ours. A class asks for it with <c>IClassFixture&lt;HostState&gt;</c>.
/// </summary>
public sealed class HostState : IDisposable
{
    private readonly SortedSet<string> _before = Look();

    public void Dispose()
    {
        SortedSet<string> after = Look();
        // A descriptor may be closed by a finalizer, and a killed process takes a moment: what is gone by then was no leak.
        for (int i = 0; i < 50 && after.Except(_before).Any(); i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(20);
            after = Look();
        }

        Assert.Empty(after.Except(_before));
    }

    private static SortedSet<string> Look()
    {
        SortedSet<string> found = [];
        found.UnionWith(File.ReadLines("/proc/self/mountinfo").Select(line => "mount " + line));
        found.UnionWith(File.ReadLines("/proc/thread-self/net/dev").Skip(2).Select(line => "link " + line[..line.IndexOf(':', StringComparison.Ordinal)].Trim()));
        found.UnionWith(Tables().Select(table => "rules " + table));
        found.UnionWith(Directory.EnumerateFileSystemEntries(TestDirectory.Home, $"containers-tests-{Environment.ProcessId}-*").Select(path => "file " + path));
        found.UnionWith(Directory.EnumerateDirectories("/sys/fs/cgroup", "containers*", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 3, AttributesToSkip = 0 }).Where(path => !IsOfAnotherHost(Path.GetFileName(path))).Select(path => "cgroup " + path));
        found.UnionWith(Processes().Where(process => process != $"{Native.MappedRoot.DeputyPid}").Select(process => "process " + process)); // a user's deputy is there for life
        found.UnionWith(Descriptors().Select(descriptor => "descriptor " + descriptor));
        return found;
    }

    private static string[] Tables()
        => Requires.Find("nft") is { } nft && Environment.UserName == "root" ? Tool.Run(nft, "list", "tables").Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];

    private static IEnumerable<string> Processes()
    {
        foreach (string thread in Directory.EnumerateDirectories("/proc/self/task"))
        {
            string children;
            try
            {
                children = File.ReadAllText(Path.Combine(thread, "children"));
            }
            catch (IOException)
            {
                continue; // the thread has ended
            }

            foreach (string child in children.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                yield return child;
            }
        }
    }

    // Only the kinds that containers are made of: the runtime opens others when it likes.
    private static IEnumerable<string> Descriptors()
        => from path in Directory.EnumerateFiles("/proc/self/fd")
           let target = new FileInfo(path).LinkTarget
           where target is not null
              && (target.StartsWith("pipe:", StringComparison.Ordinal) || target.Contains("pidfd", StringComparison.Ordinal)
                  || target.Contains("mount", StringComparison.Ordinal) || target.Contains("fscontext", StringComparison.Ordinal)
                  || target.Contains(":[40", StringComparison.Ordinal) || target.Contains("containers-tests-", StringComparison.Ordinal))
              && !target.Contains("/running/", StringComparison.Ordinal) && !IsOwnPidFd(path, target) && Path.GetFileName(path) != $"{Native.SpareNetNamespace.Descriptor}" // the lock of a host process, and its own pidfd: for life
           select $"{Path.GetFileName(path)} {target}";

    private static bool IsOwnPidFd(string path, string target)
        => target.Contains("pidfd", StringComparison.Ordinal)
           && File.ReadLines(path.Replace("/fd/", "/fdinfo/", StringComparison.Ordinal)).Any(line => line == $"Pid:\t{Environment.ProcessId}" || line == $"Pid:\t{Native.MappedRoot.DeputyPid}");

    // "containers-PID-…", of a process that lives: other tests may run on this machine at the same time.
    private static bool IsOfAnotherHost(string name)
        => name.Split('-') is [_, { } pid, _, ..] && int.TryParse(pid, out int id) && id != Environment.ProcessId && Directory.Exists($"/proc/{id}");
}
