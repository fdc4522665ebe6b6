using Containers.Native;
using Containers.Security.Credentials;

namespace Containers.Launch;

/// <summary>A device of the host that the container was given.</summary>
internal sealed class GiveDevice(ContainerDevice device, bool bind) : LaunchOperation
{
    private readonly DeviceNode _node = DeviceNodes.Find(device);

    public override string Name => $"make the device \"{device.Target}\"";

    public override string Why => "A device of the host that was asked for";

    public override unsafe void Compile(PlanCompiler plan)
    {
        string[] names = device.Target["/dev/".Length..].Split('/');
        string path = "";
        for (int i = 0; i < names.Length - 1; i++)
        {
            path += (i > 0 ? "/" : "") + names[i];
            plan.Add(SystemCall.mkdirat, plan.Dev, plan.Text(path), 0x1ed /* 0755 */).Tolerate(Errno.EEXIST);
        }

        byte* target = plan.Text(string.Join('/', names));
        if (bind) // in a user namespace nobody makes device nodes
        {
            plan.Add(SystemCall.open_tree, Kernel.AT_FDCWD, plan.Text(device.Source), Kernel.OPEN_TREE_CLONE | Kernel.OPEN_TREE_CLOEXEC).Into(plan.Mount);
            plan.Add(SystemCall.mknodat, plan.Dev, target, Kernel.S_IFREG | 0x1b6 /* 0666 */, 0);
            plan.Add(SystemCall.move_mount, plan.Mount, plan.Text(""), plan.Dev, target, Kernel.MOVE_MOUNT_F_EMPTY_PATH);
        }
        else
        {
            // By its numbers, and not by a path that could be something else by now.
            plan.Add(SystemCall.mknodat, plan.Dev, target, _node.Mode, Kernel.makedev(_node.Major, _node.Minor));
            plan.Add(SystemCall.fchownat, plan.Dev, target, _node.Uid, _node.Gid, 0);
        }
    }

    public override void Shell(ShellScript script)
    {
        string target = ShellScript.InRoot(device.Target);
        script.Inside($"mkdir -p {ShellScript.InRoot(device.Target[..device.Target.LastIndexOf('/')])}");
        script.Inside(bind ? $"touch {target}; mount --bind {ShellScript.Quote(device.Source)} {target}" : $"mknod -m {Convert.ToString(_node.Mode & 0xfff, 8)} {target} {_node.Type} {_node.Major} {_node.Minor}");
    }

    public override string? Hint(Errno errno) => errno switch
    {
        Errno.EEXIST => "The container has a device of that name already.",
        Errno.EPERM => "Making device nodes needs root (CAP_MKNOD).",
        _ => null,
    };
}
