using Containers.Native;
using Containers.UserNamespaces;

namespace Containers.Launch;

/// <summary>Goes to the container's directory while the child still has the host's user: root inside may find no way to it.</summary>
internal sealed unsafe class EnterStateDirectory(LaunchRequest request) : LaunchOperation
{
    public override string Name => "enter the container's directory";

    public override string Why => "Root inside is another user on the host, who need not find a way there";

    public override void Compile(PlanCompiler plan) => plan.Add(SystemCall.chdir, plan.Text(request.StateDirectory));

    public override void Shell(ShellScript script)
    {
    }

    public override string? Hint(Errno errno) => errno == Errno.EACCES
        ? $"A directory on the way to \"{request.StateDirectory}\" is closed to this process's user without root's privileges: choose another store." : null;
}

/// <summary>Becomes root inside, who may be nobody the host knows.</summary>
internal sealed class BecomeRoot(IdMaps maps) : LaunchOperation
{
    public override string Name => "become root of the user namespace";

    public override string Why => "What is made from here on belongs to root inside, and has to belong to someone the namespace knows";

    public override void Compile(PlanCompiler plan)
    {
        plan.Add(SystemCall.setresgid, 0, 0, 0);
        plan.Add(SystemCall.setresuid, 0, 0, 0);
        if (!maps.DeniesSetGroups)
        {
            plan.Add(SystemCall.setgroups, 0, 0);
        }
    }

    public override void Shell(ShellScript script)
    {
        script.Unshare.AddRange(maps.Users.Select(map => $"--map-users={map.ContainerId}:{map.HostId}:{map.Length}"));
        script.Unshare.AddRange(maps.Groups.Select(map => $"--map-groups={map.ContainerId}:{map.HostId}:{map.Length}"));
        script.Unshare.Add("--setuid 0 --setgid 0");
    }
}

/// <summary>Opens what is to be bound while the child still has the host's user, who may see more than root inside.</summary>
internal sealed unsafe class OpenBinds(IReadOnlyList<ContainerMount.Bind> binds) : LaunchOperation
{
    private const int Most = 32; // slots of a program are 64

    public override string Name => "open what is bound";

    public override string Why => "Root inside is another user on the host, who may be let in nowhere";

    public override void Compile(PlanCompiler plan)
    {
        if (!plan.Request.Overlay && plan.Request.HostRoot < 0)
        {
            BindRoot.Open(plan);
        }

        foreach (ContainerMount.Bind bind in binds)
        {
            if (plan.OpenBinds.Count == Most)
            {
                throw new ContainerException($"A container with users of its own has at most {Most} binds.", "Bind a directory that has them all.");
            }

            BindMount.Check(bind, plan.Features);
            Slot mount = plan.Program.NewSlot();
            if (plan.Request.HostMounts.TryGetValue(bind, out int made))
            {
                plan.Add(SystemCall.fcntl, made, Kernel.F_DUPFD_CLOEXEC, 3).Into(mount);
            }
            else
            {
                plan.Add(SystemCall.open_tree, Kernel.AT_FDCWD, plan.Text(bind.Source), Kernel.OPEN_TREE_CLONE | Kernel.OPEN_TREE_CLOEXEC | Kernel.AT_RECURSIVE).Into(mount);
            }

            plan.OpenBinds[bind] = mount;
        }
    }

    public override void Shell(ShellScript script)
    {
    }

    public override string? Hint(Errno errno) => errno switch
    {
        Errno.EACCES => "This process's user may not look there.",
        Errno.EINVAL => "It is on a mount that may not be bound.",
        _ => null,
    };
}

/// <summary>A tree of the host, where its own file system cannot be mounted anew.</summary>
internal sealed unsafe class BindTree(string path, bool readOnly, MountFileSystem.Keep keep, string why) : LaunchOperation
{
    public override string Name => $"bind the host's \"{path}\"";

    public override string Why => why;

    public override void Compile(PlanCompiler plan)
    {
        Slot mount = keep switch { MountFileSystem.Keep.Proc => plan.Proc, MountFileSystem.Keep.Sys => plan.Sys, _ => plan.Mount };
        plan.Add(SystemCall.open_tree, Kernel.AT_FDCWD, StepProgram.Constant(path), Kernel.OPEN_TREE_CLONE | Kernel.OPEN_TREE_CLOEXEC | Kernel.AT_RECURSIVE).Into(mount);
        if (readOnly)
        {
            plan.ReadOnly(mount, attached: false, recursive: true);
        }

        if (path.StartsWith("/dev/", StringComparison.Ordinal))
        {
            plan.Attach(mount, plan.Dev, path["/dev/".Length..]);
        }
        else
        {
            plan.AttachInside(mount, path, directory: true, links: false);
        }

        if (readOnly)
        {
            // Before Linux 5.12 this leaves what is mounted below it as it is. Nothing there belongs to anyone the container has.
            plan.ReadOnly(mount, attached: true, HostMounts.FlagsFor(plan.Features, path));
        }
    }

    public override void Shell(ShellScript script)
    {
        script.Inside($"mkdir -p {ShellScript.InRoot(path)}");
        script.Inside($"mount --rbind {path} {ShellScript.InRoot(path)}");
        if (readOnly)
        {
            script.Inside($"mount -o remount,bind,ro {ShellScript.InRoot(path)}");
        }
    }

    public override string? Hint(Errno errno) => errno == Errno.ELOOP ? $"The image has a symbolic link at {path} or on the way to it." : null;
}
