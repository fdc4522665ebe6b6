using System.Globalization;
using System.Security.Cryptography;

namespace Containers.Native;

/// <summary>
/// A project with a quota: directories whose files are counted together, and refused past a limit. ext4 (feature "project") and xfs, mounted
/// with prjquota: quotactl(2). Setting one needs CAP_SYS_ADMIN in the first user namespace.
/// </summary>
internal sealed unsafe class ProjectQuota : IDisposable
{
    // People number their projects from 1 on.
    private const uint FirstId = 1 << 30;

    private static readonly bool s_byDescriptor = Kernel.Call(SystemCall.quotactl_fd, -1) != -(long)Errno.ENOSYS; // Linux 5.14

    private readonly PathHandle _directory;
    private readonly string _path;

    private ProjectQuota(PathHandle directory, string path) => (_directory, _path) = (directory, path);

    /// <summary>The project's number.</summary>
    public uint Id { get; private set; }

    /// <summary>Why a directory's file system has no quotas of projects that are enforced; null where it has them.</summary>
    public static string? WhyNot(string path)
    {
        using PathHandle directory = PathHandle.OpenDirectory(path);
        using ProjectQuota quota = new(directory, path);
        Kernel.fs_quota_stat state = default;
        Errno errno = quota.Control(Kernel.Q_XGETQSTAT, 0, &state);
        return errno != 0 ? $"its file system has no quotas, or is mounted without prjquota ({ErrnoText.Describe(errno)})"
            : (state.qs_flags & Kernel.FS_QUOTA_PDQ_ENFD) == 0 ? "its file system is mounted without prjquota"
            : null;
    }

    /// <summary>Makes a project of empty directories of one file system: what is made in them belongs to it, too.</summary>
    /// <param name="directories">They must have nothing in them.</param>
    /// <param name="bytes">How much all files may take.</param>
    /// <param name="files">How many there may be.</param>
    /// <exception cref="KernelException">EPERM: not root; EOPNOTSUPP: there are no projects.</exception>
    public static ProjectQuota Make(IReadOnlyList<string> directories, long bytes, long files)
    {
        ProjectQuota quota = new(PathHandle.OpenDirectory(directories[0]), directories[0]);
        try
        {
            do
            {
                quota.Id = FirstId + (uint)RandomNumberGenerator.GetInt32(int.MaxValue - (int)FirstId);
            }
            while (quota.IsTaken());

            quota.SetLimits(bytes, files);
            foreach (string directory in directories)
            {
                Assign(directory, quota.Id);
            }

            return quota;
        }
        catch
        {
            quota.Dispose();
            throw;
        }
    }

    /// <summary>Forgets the limits of a project that a host left behind. Its files are about to be removed.</summary>
    public static void Forget(string directory)
    {
        using PathHandle handle = PathHandle.OpenDirectory(directory);
        Kernel.fsxattr attributes;
        if (Kernel.Call(SystemCall.ioctl, handle.Descriptor, Kernel.FS_IOC_FSGETXATTR, (long)&attributes) == 0
            && attributes.fsx_projid >= FirstId && (attributes.fsx_xflags & Kernel.FS_XFLAG_PROJINHERIT) != 0)
        {
            new ProjectQuota(PathHandle.OpenDirectory(directory), directory) { Id = attributes.fsx_projid }.Dispose();
        }
    }

    /// <summary>Takes the limits back; the kernel forgets the project with its last file.</summary>
    public void Dispose()
    {
        if (Id != 0)
        {
            Kernel.if_dqblk none = new() { dqb_valid = Kernel.QIF_LIMITS };
            Control(Kernel.Q_SETQUOTA, Id, &none);
            Id = 0;
        }

        _directory.Dispose();
    }

    private bool IsTaken()
    {
        Kernel.if_dqblk now = default;
        Errno errno = Control(Kernel.Q_GETQUOTA, Id, &now);
        return errno == 0 && (now.dqb_curinodes | now.dqb_curspace | now.dqb_bhardlimit | now.dqb_ihardlimit) != 0; // ENOENT: xfs never heard of it
    }

    private void SetLimits(long bytes, long files)
    {
        Kernel.if_dqblk limits = new()
        {
            dqb_bhardlimit = (ulong)(bytes / 1024),
            dqb_ihardlimit = (ulong)files,
            dqb_valid = Kernel.QIF_LIMITS,
        };
        Errno errno = Control(Kernel.Q_SETQUOTA, Id, &limits);
        if (errno != 0)
        {
            Id = 0;
            throw new KernelException("set a project quota", _path, errno, errno == Errno.EPERM ? "Setting quotas needs root (CAP_SYS_ADMIN)." : null);
        }
    }

    private static void Assign(string path, uint id)
    {
        using PathHandle directory = PathHandle.OpenDirectory(path);
        Kernel.fsxattr attributes;
        Kernel.Check(Kernel.Call(SystemCall.ioctl, directory.Descriptor, Kernel.FS_IOC_FSGETXATTR, (long)&attributes), "read the project", path);
        attributes.fsx_projid = id;
        attributes.fsx_xflags |= Kernel.FS_XFLAG_PROJINHERIT;
        Kernel.Check(Kernel.Call(SystemCall.ioctl, directory.Descriptor, Kernel.FS_IOC_FSSETXATTR, (long)&attributes), "set the project", path);
    }

    private Errno Control(uint command, uint id, void* data)
    {
        uint what = (command << 8) | Kernel.PRJQUOTA;
        if (s_byDescriptor)
        {
            return (Errno)(-Math.Min(0, Kernel.Call(SystemCall.quotactl_fd, _directory.Descriptor, what, id, (long)data)));
        }

        fixed (byte* device = CString.Bytes(Device()))
        {
            return (Errno)(-Math.Min(0, Kernel.Call(SystemCall.quotactl, what, (long)device, id, (long)data)));
        }
    }

    // Before Linux 5.14 a quota is named by the block device: proc_pid_mountinfo(5), fields 3 and, behind " - ", 2.
    private string Device()
    {
        Kernel.statx_t status;
        fixed (byte* empty = "\0"u8)
        {
            Kernel.Check(Kernel.statx(_directory.Descriptor, empty, Kernel.AT_EMPTY_PATH, Kernel.STATX_BASIC_STATS, &status), "stat", _path);
        }

        string number = string.Create(CultureInfo.InvariantCulture, $"{status.stx_dev_major}:{status.stx_dev_minor}");
        return File.ReadLines("/proc/self/mountinfo").Where(line => line.Split(' ')[2] == number)
            .Select(line => line[(line.IndexOf(" - ", StringComparison.Ordinal) + 3)..].Split(' ')[1]).FirstOrDefault() ?? "none";
    }
}
