using System.Diagnostics;
using System.Globalization;
using Containers.Native;

namespace Containers.Resources;

/// <summary>All processes of a cgroup at once: to kill them, to wait until none is left.</summary>
internal static unsafe class CgroupProcesses
{
    /// <summary>Sends SIGKILL to every process in it and below it. None escapes by forking.</summary>
    public static void Kill(CgroupHandle cgroup)
    {
        if (cgroup.TryWrite("cgroup.kill", "1") is null) // Linux 5.14
        {
            return;
        }

        KillOneByOne(cgroup);
    }

    internal static void KillOneByOne(CgroupHandle cgroup)
    {
        // What is frozen does not fork, and dies of SIGKILL all the same in cgroup v2; in v1's freezer once it is thawed.
        Freeze(cgroup, true);
        try
        {
            // The freezing itself takes a moment in which one more may be born: again until all that are there have been told.
            HashSet<int> told = [];
            while (Members(cgroup).Where(told.Add).ToArray() is { Length: > 0 } more)
            {
                KillAll(cgroup, more);
            }
        }
        finally
        {
            Freeze(cgroup, false);
        }
    }

    /// <summary>Removes a cgroup, and what was made below it. Its processes may take a moment to be gone: SIGKILL is no more than a request.</summary>
    /// <returns>Null when it is gone; EBUSY while processes are in it.</returns>
    public static Errno? TryRemove(CgroupHandle cgroup, TimeSpan patience)
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            Errno? errno = cgroup.TryRemove();
            if (errno is Errno.EBUSY or Errno.ENOTEMPTY)
            {
                RemoveBelow(cgroup.Path);
                errno = cgroup.TryRemove();
            }

            TimeSpan left = patience - Stopwatch.GetElapsedTime(began);
            if (errno is not (Errno.EBUSY or Errno.ENOTEMPTY) || left <= TimeSpan.Zero)
            {
                return errno;
            }

            if (!cgroup.Has("cgroup.kill"))
            {
                Kill(cgroup); // one that was about to fork when it was frozen
            }

            WaitForChange(cgroup, left);
        }
    }

    /// <summary>Whether a process is in it or below it.</summary>
    public static bool IsPopulated(CgroupHandle cgroup)
        => cgroup.TryRead("cgroup.events") is { } events ? Keyed.Value(events, "populated") == 1 : Members(cgroup).Any();

    /// <summary>The processes in it and below it, as this process numbers them.</summary>
    public static IEnumerable<int> Members(CgroupHandle cgroup)
    {
        List<int> members = [];
        foreach (string directory in (IEnumerable<string>)[cgroup.Path, .. Below(cgroup.Path)])
        {
            try
            {
                members.AddRange(File.ReadLines(directory + "/cgroup.procs").Select(line => int.Parse(line, CultureInfo.InvariantCulture)));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Removed meanwhile, or a threaded one, whose processes its domain lists.
            }
        }

        return members;
    }

    private static void KillAll(CgroupHandle cgroup, int[] pids)
    {
        List<(int Pid, PidHandle Process)> opened = [];
        foreach (int pid in pids)
        {
            // 0: of another PID namespace. And this process is in no cgroup of a container; but if it were, it would not be what is meant.
            if (pid > 0 && pid != Environment.ProcessId && Kernel.pidfd_open(pid) is >= 0 and int descriptor)
            {
                opened.Add((pid, new PidHandle(descriptor)));
            }
        }

        // Looked at once more: a number may have been another's by the time it was opened.
        HashSet<int> still = [.. Members(cgroup)];
        foreach ((int pid, PidHandle process) in opened)
        {
            using (process)
            {
                if (still.Contains(pid))
                {
                    process.Signal(Kernel.SIGKILL);
                }
            }
        }
    }

    private static void Freeze(CgroupHandle cgroup, bool frozen)
    {
        if (cgroup.TryWrite("cgroup.freeze", frozen ? "1" : "0") is not null)
        {
            cgroup.TryWrite("freezer.state", frozen ? "FROZEN" : "THAWED");
        }
    }

    // cgroup v2 tells when the last one has ended; v1 has nothing to wait for.
    private static void WaitForChange(CgroupHandle cgroup, TimeSpan most)
    {
        const int Pause = 20; // milliseconds: what has no event is looked at again
        TimeSpan time = most.TotalMilliseconds < Pause ? most : TimeSpan.FromMilliseconds(Pause);
        if (!cgroup.Has("cgroup.events"))
        {
            Thread.Sleep(1);
            return;
        }

        using PathHandle events = cgroup.Open("cgroup.events", Kernel.O_RDONLY);
        byte* buffer = stackalloc byte[256];
        long length = Kernel.read(events.Descriptor, buffer, 256);
        if (length > 0 && Keyed.Value(System.Text.Encoding.ASCII.GetString(buffer, (int)length), "populated") == 0)
        {
            Thread.Sleep(1); // empty already: the kernel is about to let go of it
            return;
        }

        Kernel.pollfd poll = new() { fd = events.Descriptor, events = Kernel.POLLPRI };
        Kernel.timespec timeout = new() { tv_nsec = (long)time.TotalNanoseconds };
        Kernel.ppoll(&poll, 1, &timeout);
    }

    private static void RemoveBelow(string path)
    {
        foreach (string below in Below(path).Reverse())
        {
            using CgroupHandle? cgroup = CgroupHandle.TryOpen(below);
            cgroup?.TryRemove();
        }
    }

    private static IEnumerable<string> Below(string path)
    {
        try
        {
            return [.. Directory.EnumerateDirectories(path, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = true }).Order(StringComparer.Ordinal)];
        }
        catch (IOException)
        {
            return []; // removed meanwhile
        }
    }
}
