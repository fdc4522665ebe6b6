using Containers.Host;
using Containers.Native;

namespace Containers.Launch;

/// <summary>A file or directory of the host inside.</summary>
internal sealed unsafe class BindMount(ContainerMount.Bind bind) : LaunchOperation
{
    private readonly bool _directory = Directory.Exists(bind.Source);

    public override string Name => $"bind \"{bind.Source}\" to \"{bind.Target}\"";

    public override string Why => bind.ReadOnly ? "Something of the host that the container may read" : "Something of the host that the container may use";

    /// <exception cref="ContainerException">It cannot be bound as it is asked for.</exception>
    public static void Check(ContainerMount.Bind bind, KernelFeatures features)
    {
        if (!Directory.Exists(bind.Source) && !File.Exists(bind.Source))
        {
            throw new ContainerException($"bind \"{bind.Source}\" to \"{bind.Target}\": there is nothing at the source.", "Make the file or directory first: a container's mounts make nothing on the host.");
        }

        if (bind.ReadOnly && !features.MountSetattr && HostMounts.AreBelow(bind.Source))
        {
            throw new ContainerException($"bind \"{bind.Source}\" to \"{bind.Target}\": it has mounts below it that this kernel cannot make read-only with it.", "Linux 5.12 has mount_setattr(2), which can. " + HostHints.Refer);
        }

    }

    public override void Compile(PlanCompiler plan)
    {
        if (!plan.OpenBinds.TryGetValue(bind, out Slot mount))
        {
            Check(bind, plan.Features);
            mount = plan.Mount;
            plan.Add(SystemCall.open_tree, Kernel.AT_FDCWD, plan.Text(bind.Source), Kernel.OPEN_TREE_CLONE | Kernel.OPEN_TREE_CLOEXEC | Kernel.AT_RECURSIVE).Into(mount);
        }

        if (bind.ReadOnly)
        {
            plan.ReadOnly(mount, attached: false, recursive: true);
        }

        plan.AttachInside(mount, bind.Target, _directory, links: true);
        if (plan.Request.HostMounts.ContainsKey(bind))
        {
            plan.MakePrivate(mount);
        }

        if (bind.ReadOnly)
        {
            plan.ReadOnly(mount, attached: true, HostMounts.FlagsFor(plan.Features, bind.Source));
        }
    }

    public override void Shell(ShellScript script)
    {
        string target = ShellScript.InRoot(bind.Target);
        string parent = ShellScript.InRoot(bind.Target[..(bind.Target.LastIndexOf('/') + 1)]);
        script.Inside(_directory ? $"mkdir -p {target}" : $"mkdir -p {parent}; touch {target}");
        script.Inside($"mount --rbind {ShellScript.Quote(bind.Source)} {target}");
        if (bind.ReadOnly)
        {
            script.Inside($"mount -o remount,bind,ro {target}");
        }
    }

    public override string? Hint(Errno errno) => PlaceHints.For(errno, bind.Target);
}

/// <summary>/etc/hostname, /etc/hosts and /etc/resolv.conf.</summary>
internal sealed unsafe class MountEtcFiles(LaunchRequest request) : LaunchOperation
{
    public override string Name => "mount /etc/hostname, /etc/hosts, /etc/resolv.conf";

    public override string Why => "The image cannot know what host it will be: its name and its resolver are told at the start";

    public override void Compile(PlanCompiler plan)
    {
        // A tmpfs on a directory whose path nobody needs any more; its files are bound into the root one by one, and it
        // goes with the old root.
        (string Name, string Content)[] contents = Contents();
        plan.NewFileSystem("tmpfs", Options(contents), Kernel.MOUNT_ATTR_NOSUID | Kernel.MOUNT_ATTR_NODEV | Kernel.MOUNT_ATTR_NOEXEC, plan.Context);
        plan.Attach(plan.Context, Kernel.AT_FDCWD, request.Seen(request.Scratch));
        foreach ((string name, string content) in contents)
        {
            byte* text = plan.Text(content);
            plan.Add(SystemCall.openat, plan.Context, plan.Text(name), Kernel.O_WRONLY | Kernel.O_CREAT | Kernel.O_CLOEXEC, 0x1a4 /* 0644 */).Into(plan.File);
            plan.Add(SystemCall.write, plan.File, text, System.Text.Encoding.UTF8.GetByteCount(content));
            plan.Add(SystemCall.open_tree, plan.Context, plan.Text(name), Kernel.OPEN_TREE_CLONE | Kernel.OPEN_TREE_CLOEXEC).Into(plan.Mount);
            // Images of hosts with systemd have a resolv.conf that leads to where only a running systemd has a file. It is
            // replaced in the overlay; a bound root is someone's own.
            plan.AttachInside(plan.Mount, "/etc/" + name, directory: false, links: true, replaceLink: request.Overlay);
        }
    }

    public override void Shell(ShellScript script)
    {
        (string Name, string Content)[] contents = Contents();
        script.Inside($"mount -t tmpfs -o {Options(contents)},nosuid,nodev,noexec tmpfs {ShellScript.Quote(request.Scratch)}".Replace(request.StateDirectory, "$state", StringComparison.Ordinal));
        foreach ((string name, string content) in contents)
        {
            string file = (request.Scratch + "/" + name).Replace(request.StateDirectory, "$state", StringComparison.Ordinal);
            script.Inside($"printf %s {ShellScript.Quote(content)} > \"{file}\"");
            script.Inside($"mkdir -p \"$root\"/etc; [ -e \"$root\"/etc/{name} ] || {{ rm -f \"$root\"/etc/{name}; touch \"$root\"/etc/{name}; }}");
            script.Inside($"mount --bind \"{file}\" \"$root\"/etc/{name}");
        }
    }

    public override string? Hint(Errno errno)
        => errno is Errno.EACCES or Errno.EOVERFLOW && request.Maps is not null ? "The root's /etc belongs to someone who is no one in the container's user namespace, where not even root may change it: give the root to this process's user, or WithoutEtcFiles() leaves it as it is."
            : PlaceHints.For(errno, "one of these files") is { } hint ? $"{hint} {nameof(ContainerBuilder.WithoutEtcFiles)}() leaves them as they are." : null;

    // Room for what is there and for some more: without a size it would be half of the host's memory, for root inside to fill.
    private static string Options((string Name, string Content)[] contents)
        => $"mode=755,size={1 + (2 * contents.Sum(file => System.Text.Encoding.UTF8.GetByteCount(file.Content)) >> 20)}m";

    private (string Name, string Content)[] Contents() =>
    [
        ("hostname", request.Hostname + "\n"),
        ("hosts", request.Network.Hosts),
        ("resolv.conf", request.Network.ResolvConf),
    ];
}
