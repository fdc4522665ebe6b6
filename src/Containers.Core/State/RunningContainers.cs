using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Containers.Native;
using Containers.UserNamespaces;

namespace Containers.State;

/// <summary>
/// The directories that running containers have on disk: STORE/running/HOST/ID. A host process holds a lock on its own
/// directory for as long as it lives; what lies in a directory nobody holds was left by a host that died, and is removed
/// by the next one.
/// </summary>
internal sealed unsafe class RunningContainers
{
    private static readonly ConcurrentDictionary<string, Lazy<RunningContainers>> s_byStore = new();

    private const uint UsualMode = 0x1ed; // 0755

    private static readonly string[] s_unchanged = ["/work/work/incompat/volatile", "/work/work/incompat", "/work/work", "/work", "/upper", "/root", "/etc"];

    private readonly string _store;
    private readonly string _directory;
    private readonly PathHandle _lock; // never disposed: the kernel drops it with the process, and not before

    private RunningContainers(string store)
    {
        _store = store + "/";
        string running = Path.Combine(store, "running");
        try
        {
            Directory.CreateDirectory(running);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ContainerException($"The directory of running containers \"{running}\" cannot be made: {e.Message}", $"{nameof(ContainerBuilder.WithStore)} or the variable CONTAINERS_STORE chooses another.", e);
        }

        using PathHandle all = Lock(Path.Combine(running, "lock"), Kernel.LOCK_EX);
        Sweep(running);
        _directory = Path.Combine(running, string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}"));
        Directory.CreateDirectory(_directory);
        _lock = Lock(LockOf(_directory), Kernel.LOCK_EX);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Leave();
    }

    public static RunningContainers In(string store)
        => s_byStore.GetOrAdd(store, static path => new Lazy<RunningContainers>(() => new RunningContainers(path))).Value;

    /// <summary>Makes the directory of a container, and what an overlay needs in it.</summary>
    /// <param name="id">The container.</param>
    /// <param name="topmost">The topmost layer: "/" has the mode and owner of the upper directory, and so that has the layer's.</param>
    /// <exception cref="ContainerException">A container of that id is running.</exception>
    public string CreateForOverlay(string id, string topmost)
    {
        string path = Create(id);
        Kernel.statx_t root;
        fixed (byte* layer = CString.Bytes(topmost), upper = CString.Bytes($"{path}/upper"))
        {
            // A layer of the store may belong to a sub-id; another directory, to someone this user is nothing to.
            bool isLayer = topmost.StartsWith(_store, StringComparison.Ordinal);
            using MappedRoot.Scope scope = isLayer ? SubordinateTrees.Enter() : default;
            Kernel.Check(Kernel.statx(Kernel.AT_FDCWD, layer, 0, Kernel.STATX_BASIC_STATS, &root), "stat", topmost);
            uint mode = root.stx_mode & 0xfffu;
            Kernel.Check(Kernel.mkdirat(Kernel.AT_FDCWD, upper, mode), "make the directory", $"{path}/upper");
            if ((root.stx_uid | root.stx_gid) != 0 && (isLayer || Kernel.geteuid() == 0))
            {
                Kernel.Check(Kernel.fchownat(Kernel.AT_FDCWD, upper, root.stx_uid, root.stx_gid, 0), "chown", $"{path}/upper");
            }

            if (mode != UsualMode) // more than a host's umask lets through, perhaps
            {
                Kernel.Check(Kernel.fchmodat(Kernel.AT_FDCWD, upper, mode), "chmod", $"{path}/upper");
            }
        }

        Make($"{path}/work", null);
        return path;
    }

    /// <summary>Makes the directory of a container, and what a bound root needs in it.</summary>
    /// <exception cref="ContainerException">A container of that id is running.</exception>
    public string CreateForBind(string id)
    {
        string path = Create(id);
        Make($"{path}/root", null);
        Make($"{path}/etc", null);
        return path;
    }

    private string Create(string id)
    {
        string path = $"{_directory}/{id}";
        Make(path, $"A container with the id \"{id}\" is running.");
        return path;
    }

    /// <summary>Removes the directory of a container that has ended.</summary>
    /// <param name="id">The container.</param>
    /// <param name="mounted">Whether its mounts are in the host's namespace.</param>
    public void Remove(string id, bool mounted)
    {
        if (mounted && Unmount($"{_directory}/{id}") is { } failure)
        {
            throw failure; // and removes nothing: it might be the host's files that are mounted there
        }

        using MappedRoot.Scope scope = SubordinateTrees.Enter();
        if (!TryRemoveUnchanged($"{_directory}/{id}"))
        {
            Tree.Remove(_directory, id);
        }
    }

    // What a container leaves that changed nothing: known by name, and gone in a third of the time that looking for it takes.
    private static bool TryRemoveUnchanged(string container)
    {
        if (Kernel.geteuid() != 0)
        {
            fixed (byte* work = CString.Bytes($"{container}/work/work"))
            {
                _ = Kernel.fchmodat(Kernel.AT_FDCWD, work, 0x1c0 /* 0700 */); // an overlay's mode 0 keeps all but root out
            }
        }

        Unlink($"{container}/work/work/incompat/volatile/dirty", 0); // overlayfs.rst, "Volatile mount"
        foreach (string directory in s_unchanged)
        {
            Unlink(container + directory, Kernel.AT_REMOVEDIR);
        }

        return Unlink(container, Kernel.AT_REMOVEDIR) == 0;

        static int Unlink(string path, int flags)
        {
            fixed (byte* bytes = CString.Bytes(path))
            {
                return Kernel.unlinkat(Kernel.AT_FDCWD, bytes, flags);
            }
        }
    }

    private static void Make(string path, string? taken)
    {
        fixed (byte* bytes = CString.Bytes(path))
        {
            int result = Kernel.mkdirat(Kernel.AT_FDCWD, bytes, 0x1c0 /* 0700 */);
            if (result == -(int)Errno.EEXIST && taken is not null)
            {
                throw new ContainerException(taken, "An id can be used again when its container has been disposed.");
            }

            Kernel.Check(result, "make the directory", path);
        }
    }

    // A container in the host's mount namespace has its root mounted here.
    private static KernelException? Unmount(string container)
    {
        KernelException? failure = null;
        if (Kernel.geteuid() != 0)
        {
            return null; // it has mounted nothing that the host sees
        }

        foreach (string name in (ReadOnlySpan<string>)["upper", "work", "root", "etc"])
        {
            fixed (byte* path = CString.Bytes($"{container}/{name}"))
            {
                int result;
                do
                {
                    result = Kernel.umount2(path, Kernel.MNT_DETACH | Kernel.UMOUNT_NOFOLLOW);
                }
                while (result == 0); // what is mounted over another mount comes first
                if (result is < 0 and not (-(int)Errno.EINVAL or -(int)Errno.ENOENT)) // nothing is mounted; nothing is there
                {
                    failure = new KernelException("unmount", $"{container}/{name}", (Errno)(-result));
                }
            }
        }

        return failure;
    }

    private static void Sweep(string running)
    {
        foreach (string host in Directory.EnumerateDirectories(running))
        {
            using PathHandle? taken = TryLock(LockOf(host));
            if (taken is null)
            {
                continue;
            }

            bool clean = true;
            foreach (string container in Directory.EnumerateDirectories(host))
            {
                clean &= Unmount(container) is null;
                if (clean && Directory.Exists(container + "/upper"))
                {
                    ProjectQuota.Forget(container + "/upper");
                }
            }

            if (clean)
            {
                using MappedRoot.Scope scope = SubordinateTrees.Enter();
                Tree.Remove(running, Path.GetFileName(host));
            }
        }
    }

    private static string LockOf(string host) => Path.Combine(host, "lock");

    private static PathHandle Lock(string path, int operation)
    {
        PathHandle handle = PathHandle.Open(path, Kernel.O_RDWR | Kernel.O_CREAT, 0x180 /* 0600 */);
        Kernel.Check(Kernel.flock(handle.Descriptor, operation), "lock", path);
        return handle;
    }

    private static PathHandle? TryLock(string path)
    {
        PathHandle handle = PathHandle.Open(path, Kernel.O_RDWR | Kernel.O_CREAT, 0x180 /* 0600 */);
        if (Kernel.flock(handle.Descriptor, Kernel.LOCK_EX | Kernel.LOCK_NB) >= 0)
        {
            return handle;
        }

        handle.Dispose();
        return null;
    }

    // A host that ends in peace leaves nothing, unless it left containers running: those are for the next one.
    private void Leave()
    {
        if (Directory.Exists(_directory) && !Directory.EnumerateDirectories(_directory).Any())
        {
            using PathHandle all = Lock(Path.Combine(Path.GetDirectoryName(_directory)!, "lock"), Kernel.LOCK_EX);
            Directory.Delete(_directory, recursive: true);
        }

        GC.KeepAlive(_lock);
    }
}
