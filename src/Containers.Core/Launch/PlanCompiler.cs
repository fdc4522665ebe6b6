using Containers.Native;

namespace Containers.Launch;

/// <summary>What operations write their steps with: a program, the descriptors they share, and the ways to name a place in the root.</summary>
/// <remarks>Descriptors are not closed one by one: all are close-on-exec, and the last step before exec sees to it again.</remarks>
internal sealed unsafe class PlanCompiler(StepProgram program, LaunchRequest request, KernelFeatures features)
{
    private const ulong WithoutLinks = Kernel.RESOLVE_IN_ROOT | Kernel.RESOLVE_NO_SYMLINKS | Kernel.RESOLVE_NO_MAGICLINKS;
    private const ulong InRoot = Kernel.RESOLVE_IN_ROOT | Kernel.RESOLVE_NO_MAGICLINKS;
    private const int LegacyDescriptor = 200; // a number of our choice, so that /proc/self/fd/200 can be written beforehand

    public StepProgram Program => program;

    public LaunchRequest Request => request;

    public KernelFeatures Features => features;

    /// <summary>The root's mount.</summary>
    public Slot Root { get; } = program.NewSlot();

    /// <summary>The mounts of /proc, /sys and /dev: our own, so paths below them can be trusted.</summary>
    public Slot Proc { get; } = program.NewSlot();

    public Slot Sys { get; } = program.NewSlot();

    public Slot Dev { get; } = program.NewSlot();

    /// <summary>An empty read-only tmpfs that covers directories; once one is mounted.</summary>
    public Slot? Empty { get; set; }

    /// <summary>Binds that are open already, where root inside could not open them any more.</summary>
    public Dictionary<ContainerMount.Bind, Slot> OpenBinds { get; } = [];

    /// <summary>Files of cgroups v1 that a process goes to by writing to them, opened while the host's can be reached.</summary>
    public List<Slot> Tasks { get; } = [];

    /// <summary>What an operation keeps for its own next steps only.</summary>
    public Slot Context { get; } = program.NewSlot();

    public Slot Mount { get; } = program.NewSlot();

    public Slot Target { get; } = program.NewSlot();

    public Slot File { get; } = program.NewSlot();

    public StepProgram.StepReference Add(SystemCall call, Argument a = default, Argument b = default, Argument c = default, Argument d = default, Argument e = default, Argument f = default)
        => program.Add(call, a, b, c, d, e, f);

    public byte* Text(string text) => program.Text(text);

    /// <summary>The filter that the steps from here on have to pass; null where there is none yet.</summary>
    public OwnCalls? Filter { get; set; }

    /// <summary>A mount of a new file system, attached nowhere yet. Linux 5.2+, fsopen(2).</summary>
    public void NewFileSystem(string type, string options, ulong attributes, Slot mount)
    {
        Add(SystemCall.fsopen, Text(type), Kernel.FSOPEN_CLOEXEC).Into(Context);
        Set("source", type);
        foreach (string option in options.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = option.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                Flag(option);
            }
            else
            {
                Set(option[..equals], option[(equals + 1)..]);
            }
        }

        CreateMount(attributes, mount);
    }

    /// <summary>An option with a value of the file system that <see cref="Context"/> describes.</summary>
    public void Set(string key, string value) => Add(SystemCall.fsconfig, Context, Kernel.FSCONFIG_SET_STRING, Text(key), Text(value), 0);

    /// <summary>An option without a value.</summary>
    public void Flag(string key) => Add(SystemCall.fsconfig, Context, Kernel.FSCONFIG_SET_FLAG, Text(key), 0, 0);

    public void CreateMount(ulong attributes, Slot mount)
    {
        Add(SystemCall.fsconfig, Context, Kernel.FSCONFIG_CMD_CREATE, 0, 0, 0);
        Add(SystemCall.fsmount, Context, Kernel.FSMOUNT_CLOEXEC, attributes).Into(mount);
    }

    /// <summary>Attaches a mount to a place relative to a directory that can be trusted.</summary>
    public void Attach(Slot mount, Argument directory, string path)
        => Add(SystemCall.move_mount, mount, Text(""), directory, Text(path), Kernel.MOVE_MOUNT_F_EMPTY_PATH);

    /// <summary>Attaches a mount to a path inside the root, which is made when it is missing.</summary>
    /// <param name="replaceLink">Whether a link that leads nowhere is replaced by what is mounted on.</param>
    public void AttachInside(Slot mount, string path, bool directory, bool links, bool replaceLink = false)
    {
        Find(path, directory, links, replaceLink);
        Add(SystemCall.move_mount, mount, Text(""), Target, Text(""), Kernel.MOVE_MOUNT_F_EMPTY_PATH | Kernel.MOVE_MOUNT_T_EMPTY_PATH);
    }

    /// <summary>
    /// Makes a mount read-only: before it is attached where the kernel can (mount_setattr, Linux 5.12), so that it never
    /// was writable; by a remount once it is attached (<paramref name="attached"/>) on older ones.
    /// </summary>
    /// <param name="others">The flags it has, which a remount would take away.</param>
    public void ReadOnly(Slot mount, bool attached, ulong others = 0, bool recursive = false) => Restrict(mount, Kernel.MS_RDONLY, attached, others, recursive);

    /// <summary>The same, for any of MS_RDONLY, MS_NOSUID, MS_NODEV and MS_NOEXEC, which are the same numbers as MOUNT_ATTR_.</summary>
    public void Restrict(Slot mount, ulong flags, bool attached, ulong others = 0, bool recursive = false)
    {
        if (features.MountSetattr)
        {
            if (!attached)
            {
                Kernel.mount_attr* attributes = program.Data(new Kernel.mount_attr { attr_set = flags });
                Add(SystemCall.mount_setattr, mount, Text(""), Kernel.AT_EMPTY_PATH | (recursive ? Kernel.AT_RECURSIVE : 0), attributes, sizeof(Kernel.mount_attr));
            }
        }
        else if (attached)
        {
            ChangeAttached(mount, Kernel.MS_REMOUNT | Kernel.MS_BIND | flags | others);
        }
    }

    /// <summary>
    /// Cuts a mount that the host made, and the child has attached, off from the host's: the copy of a shared mount is shared with it
    /// (mount_namespaces(7)), as all are where systemd runs, and what is mounted below it would appear on the host.
    /// </summary>
    public void MakePrivate(Slot mount) => ChangeAttached(mount, Kernel.MS_REC | Kernel.MS_PRIVATE);

    /// <summary>Closes what is open from a number on, but what is to stay; what is above the greatest of that is left.</summary>
    /// <param name="first">The number.</param>
    /// <param name="kept">In their order.</param>
    public void CloseBetween(int first, ReadOnlySpan<int> kept)
    {
        foreach (int descriptor in kept)
        {
            if (descriptor > first)
            {
                Add(SystemCall.close_range, first, descriptor - 1, 0);
            }

            first = Math.Max(first, descriptor + 1);
        }
    }

    /// <summary>
    /// Opens a path in the root as <see cref="Target"/> and makes it when it is missing. It is walked as if the root were
    /// "/", so that no link of the image leads out of it: openat2(2), RESOLVE_IN_ROOT.
    /// </summary>
    /// <param name="links">Whether symbolic links may be followed at all. Not on the way to /proc: it has to be the real one.</param>
    private void Find(string path, bool directory, bool links, bool replaceLink)
    {
        string[] names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        ulong resolve = links ? InRoot : WithoutLinks;
        int flags = Kernel.O_PATH | (directory ? Kernel.O_DIRECTORY : 0);
        int tried = program.Count;
        OpenInside(path, flags, resolve).Into(Target).Tolerate(Errno.ENOENT);
        string parent = "/";
        for (int i = 0; i < names.Length; i++)
        {
            bool last = i == names.Length - 1;
            OpenInside(parent, Kernel.O_PATH | Kernel.O_DIRECTORY, resolve).Into(Target);
            if (last && replaceLink)
            {
                Add(SystemCall.unlinkat, Target, Text(names[i]), 0).Tolerate(Errno.ENOENT);
            }

            StepProgram.StepReference make = last && !directory
                ? Add(SystemCall.mknodat, Target, Text(names[i]), Kernel.S_IFREG | 0x1a4 /* 0644 */, 0)
                : Add(SystemCall.mkdirat, Target, Text(names[i]), 0x1ed /* 0755 */);
            make.Tolerate(Errno.EEXIST);
            parent = parent + names[i] + "/";
        }

        OpenInside(path, flags, resolve).Into(Target);
        program.SetSkip(tried, program.Count - tried - 1);
    }

    // mount(2) takes paths only.
    private void ChangeAttached(Slot mount, ulong flags)
    {
        Add(SystemCall.dup3, mount, LegacyDescriptor, Kernel.O_CLOEXEC);
        Add(SystemCall.mount, 0, Text($"/proc/self/fd/{LegacyDescriptor}"), 0, flags, 0);
    }

    private StepProgram.StepReference OpenInside(string path, int flags, ulong resolve)
    {
        Kernel.open_how* how = program.Data(new Kernel.open_how { flags = (uint)(flags | Kernel.O_CLOEXEC), resolve = resolve });
        return Add(SystemCall.openat2, Root, Text(path), how, sizeof(Kernel.open_how));
    }
}
