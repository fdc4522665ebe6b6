namespace Containers.Native;

/// <summary>
/// A mount by its descriptor: made without a place, put in one with <see cref="Attach(string)"/>, and gone with the handle if it
/// never was. Linux 5.2+, fsopen(2), open_tree(2), move_mount(2). Needs CAP_SYS_ADMIN.
/// </summary>
public sealed unsafe class MountHandle : DescriptorHandle
{
    private MountHandle(int descriptor)
        : base(descriptor)
    {
    }

    /// <summary>A new file system, attached nowhere.</summary>
    /// <param name="type">As /proc/filesystems names it: "overlay", "tmpfs".</param>
    /// <param name="options">Its options, in order; a null value for one that has none. An overlay's lower directories are "lowerdir+" each from Linux 6.7, one "lowerdir" before.</param>
    /// <param name="attributes">What it forbids.</param>
    /// <exception cref="KernelException">ENODEV: the kernel has no such file system; EINVAL: it does not take an option; EPERM.</exception>
    public static MountHandle Create(string type, IEnumerable<(string Key, string? Value)> options, MountAttributes attributes = MountAttributes.None)
        => Create(type, options, attributes, null);

    /// <summary>The same, made by a deputy, whose user namespace it belongs to.</summary>
    internal static MountHandle Create(string type, IEnumerable<(string Key, string? Value)> options, MountAttributes attributes, Deputy? deputy)
    {
        ArgumentNullException.ThrowIfNull(options);
        string operation = "mount " + type;
        fixed (byte* name = CString.Bytes(type))
        {
            using PathHandle context = new((int)Kernel.Check(Deputy.Call(deputy, SystemCall.fsopen, (long)name, Kernel.FSOPEN_CLOEXEC), operation));
            foreach ((string key, string? value) in options)
            {
                fixed (byte* keyBytes = CString.Bytes(key), valueBytes = value is null ? null : CString.Bytes(value))
                {
                    uint command = value is null ? Kernel.FSCONFIG_SET_FLAG : Kernel.FSCONFIG_SET_STRING;
                    Kernel.Check(Deputy.Call(deputy, SystemCall.fsconfig, context.Descriptor, command, (long)keyBytes, (long)valueBytes), operation, value is null ? key : $"{key}={value}");
                }
            }

            Kernel.Check(Deputy.Call(deputy, SystemCall.fsconfig, context.Descriptor, Kernel.FSCONFIG_CMD_CREATE), operation);
            return new MountHandle((int)Kernel.Check(Deputy.Call(deputy, SystemCall.fsmount, context.Descriptor, Kernel.FSMOUNT_CLOEXEC, (long)attributes), operation));
        }
    }

    /// <summary>A second mount of what is at a path, attached nowhere: a bind mount to be.</summary>
    /// <param name="path">A file or directory of the host.</param>
    /// <param name="recursive">Whether what is mounted below it comes along.</param>
    /// <exception cref="KernelException">ENOENT: there is nothing; EINVAL: it is in another mount namespace.</exception>
    public static MountHandle Clone(string path, bool recursive = false)
    {
        fixed (byte* bytes = CString.Bytes(path))
        {
            uint flags = Kernel.OPEN_TREE_CLONE | (recursive ? Kernel.AT_RECURSIVE : 0u);
            return new MountHandle((int)Kernel.Check(Kernel.open_tree(Kernel.AT_FDCWD, bytes, flags), "clone mount", path));
        }
    }

    /// <summary>Changes what the mount forbids. Linux 5.12+, mount_setattr(2).</summary>
    /// <param name="set">What it is to forbid.</param>
    /// <param name="clear">What it is to allow.</param>
    /// <param name="recursive">Whether what is mounted below it changes, too.</param>
    /// <exception cref="KernelException">ENOSYS: an older kernel.</exception>
    public void Change(MountAttributes set, MountAttributes clear = MountAttributes.None, bool recursive = false)
    {
        using Use mount = Borrow();
        Kernel.mount_attr attributes = new() { attr_set = (ulong)set, attr_clr = (ulong)clear };
        fixed (byte* empty = "\0"u8)
        {
            Kernel.Check(Kernel.mount_setattr(mount.Descriptor, empty, (uint)(Kernel.AT_EMPTY_PATH | (recursive ? Kernel.AT_RECURSIVE : 0)), &attributes), "change mount");
        }
    }

    /// <summary>Shows owners as they are in a user namespace: what belongs to root on the disk belongs to its root. Linux 5.12+, mount_setattr(2), MOUNT_ATTR_IDMAP.</summary>
    /// <param name="userNamespace">It needs to have ids, and is not needed afterwards.</param>
    /// <param name="recursive">Whether what is mounted below it changes, too.</param>
    /// <exception cref="KernelException">EINVAL: the file system cannot; ENOSYS: an older kernel.</exception>
    internal void Map(NamespaceHandle userNamespace, bool recursive = false)
    {
        using Use mount = Borrow();
        using Use users = userNamespace.Borrow();
        Kernel.mount_attr attributes = new() { attr_set = Kernel.MOUNT_ATTR_IDMAP, userns_fd = (ulong)users.Descriptor };
        fixed (byte* empty = "\0"u8)
        {
            Kernel.Check(Kernel.mount_setattr(mount.Descriptor, empty, (uint)(Kernel.AT_EMPTY_PATH | (recursive ? Kernel.AT_RECURSIVE : 0)), &attributes), "map mount");
        }
    }

    /// <summary>Puts the mount in a place, where it stays when the handle is closed.</summary>
    /// <param name="path">A path of the host: a directory for a directory, a file for a file.</param>
    /// <exception cref="KernelException">ENOENT, ENOTDIR: the place is missing or of another kind.</exception>
    public void Attach(string path) => Attach(path, null);

    /// <summary>The same, in the mount namespace of a deputy.</summary>
    internal void Attach(string path, Deputy? deputy)
    {
        using Use mount = Borrow();
        fixed (byte* empty = "\0"u8, target = CString.Bytes(path))
        {
            Kernel.Check(Deputy.Call(deputy, SystemCall.move_mount, mount.Descriptor, (long)empty, Kernel.AT_FDCWD, (long)target, Kernel.MOVE_MOUNT_F_EMPTY_PATH), "attach mount", path);
        }
    }

    /// <summary>Takes down what is mounted at a path, and all below it, at once where nobody uses it and later where someone does: umount2(2), MNT_DETACH.</summary>
    /// <param name="path">A path of the host, whose last component may be no link.</param>
    /// <exception cref="KernelException">EINVAL: nothing is mounted there.</exception>
    public static void Detach(string path)
    {
        fixed (byte* bytes = CString.Bytes(path))
        {
            Kernel.Check(Kernel.umount2(bytes, Kernel.MNT_DETACH | Kernel.UMOUNT_NOFOLLOW), "unmount", path);
        }
    }
}
