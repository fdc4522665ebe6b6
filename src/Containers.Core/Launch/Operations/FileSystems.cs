using Containers.Native;
using Containers.UserNamespaces;

namespace Containers.Launch;

/// <summary>A fresh instance of one of the kernel's file systems.</summary>
internal sealed class MountFileSystem(string type, string target, ulong attributes, string options, MountFileSystem.Keep keep = MountFileSystem.Keep.Nothing, bool links = false) : LaunchOperation
{
    private const uint TtyGroup = 5;

    public enum Keep
    {
        Nothing,
        Proc,
        Sys,
        Dev,
    }

    public override string Name => $"mount {type} on \"{target}\"";

    public override string Why => type switch
    {
        "proc" => "ps reads /proc, and this one shows the container's processes only",
        "sysfs" => "The devices of the container's network; read-only, since it reaches into the host",
        "devpts" => "Terminals of the container's own",
        "mqueue" => "POSIX message queues, those of the container's IPC namespace",
        _ when target == "/dev" => "A /dev with the few devices that programs expect, and none of the host's",
        _ when target == "/dev/shm" => "POSIX shared memory",
        _ => "A file system in memory that was asked for",
    };

    public override void Compile(PlanCompiler plan)
    {
        string all = options;
        if (type == "devpts" && plan.Request.Maps is { } maps && IdMaps.ToHost(maps.Groups, TtyGroup) is null)
        {
            all = string.Join(',', options.Split(',').Where(option => !option.StartsWith("gid=", StringComparison.Ordinal))); // an id that is nobody's here
        }

        Slot mount = keep switch { Keep.Proc => plan.Proc, Keep.Sys => plan.Sys, Keep.Dev => plan.Dev, _ => plan.Mount };
        plan.NewFileSystem(type, all, attributes, mount);
        if (target.StartsWith("/dev/", StringComparison.Ordinal) && !links)
        {
            plan.Attach(mount, plan.Dev, target["/dev/".Length..]); // our own tmpfs: nothing in it can lead astray
        }
        else
        {
            plan.AttachInside(mount, target, directory: true, links);
        }
    }

    public override void Shell(ShellScript script)
    {
        List<string> all = [];
        Append(Kernel.MOUNT_ATTR_RDONLY, "ro");
        Append(Kernel.MOUNT_ATTR_NOSUID, "nosuid");
        Append(Kernel.MOUNT_ATTR_NODEV, "nodev");
        Append(Kernel.MOUNT_ATTR_NOEXEC, "noexec");
        all.AddRange(options.Split(',', StringSplitOptions.RemoveEmptyEntries));
        script.Inside($"mkdir -p {ShellScript.InRoot(target)}");
        script.Inside($"mount -t {type} {(all.Count > 0 ? "-o " + string.Join(',', all) + " " : "")}{type} {ShellScript.InRoot(target)}");

        void Append(ulong flag, string name)
        {
            if ((attributes & flag) != 0)
            {
                all.Add(name);
            }
        }
    }

    public override string? Hint(Errno errno) => errno switch
    {
        Errno.ELOOP when !links => $"The image has a symbolic link at {target} or on the way to it, where the runtime's own {type} has to be.",
        Errno.EPERM when type is "proc" or "sysfs" => HostRestrictions.Find()
            ?? $"The kernel mounts {type} in a user namespace only where one is mounted of which nothing is covered. Inside another container, parts of it are: that one has to be started without masked paths.",
        Errno.EPERM or Errno.EACCES => HostRestrictions.Find(),
        _ => PlaceHints.For(errno, target),
    };
}

/// <summary>The devices and links of /dev.</summary>
internal sealed class MakeDevices : LaunchOperation
{
    private static readonly (string Name, uint Major, uint Minor)[] s_devices =
        [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

    private static readonly (string Name, string Target)[] s_links =
        [("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx")];

    private static readonly string[] s_directories = ["pts", "shm", "mqueue"];

    public override string Name => "make devices";

    public override string Why => "null, zero and their like; anything else of the host's hardware stays out";

    public override void Compile(PlanCompiler plan)
    {
        foreach ((string name, uint major, uint minor) in s_devices)
        {
            if (plan.Request.Maps is not null)
            {
                Bind(plan, name, major, minor);
                continue;
            }

            plan.Add(SystemCall.mknodat, plan.Dev, StepProgram.Constant(name), Kernel.S_IFCHR | 0x1b6 /* 0666 */, Kernel.makedev(major, minor));
        }

        foreach ((string name, string target) in s_links)
        {
            plan.Add(SystemCall.symlinkat, StepProgram.Constant(target), plan.Dev, StepProgram.Constant(name));
        }

        foreach (string name in s_directories)
        {
            plan.Add(SystemCall.mkdirat, plan.Dev, StepProgram.Constant(name), 0x1ed /* 0755 */);
        }
    }

    public override void Shell(ShellScript script)
    {
        foreach ((string name, uint major, uint minor) in s_devices)
        {
            script.Inside($"mknod -m 666 \"$root\"/dev/{name} c {major} {minor}");
        }

        foreach ((string name, string target) in s_links)
        {
            script.Inside($"ln -s {target} \"$root\"/dev/{name}");
        }

        script.Inside($"mkdir {string.Join(' ', s_directories.Select(name => "\"$root\"/dev/" + name))}");
    }

    // A user namespace makes no device nodes: the host's own ones are bound.
    private static unsafe void Bind(PlanCompiler plan, string name, uint major, uint minor)
    {
        string source = "/dev/" + name;
        Kernel.statx_t status = default;
        fixed (byte* path = CString.Bytes(source))
        {
            Kernel.Check(Kernel.statx(Kernel.AT_FDCWD, path, Kernel.AT_SYMLINK_NOFOLLOW, Kernel.STATX_BASIC_STATS, &status), "look at the device", source);
        }

        if (status.Type != Kernel.S_IFCHR || (status.stx_rdev_major, status.stx_rdev_minor) != (major, minor))
        {
            throw new ContainerException($"\"{source}\" of this host is not the character device {major}:{minor}, and a container with users of its own has the host's devices.");
        }

        plan.Add(SystemCall.mknodat, plan.Dev, StepProgram.Constant(name), Kernel.S_IFREG | 0x1b6 /* 0666 */, 0);
        plan.Add(SystemCall.open_tree, Kernel.AT_FDCWD, StepProgram.Constant(source), Kernel.OPEN_TREE_CLONE | Kernel.OPEN_TREE_CLOEXEC).Into(plan.Mount);
        plan.Attach(plan.Mount, plan.Dev, name);
    }

    public override string? Hint(Errno errno) => errno == Errno.EPERM ? "Making device nodes needs root (CAP_MKNOD)." : null;
}
