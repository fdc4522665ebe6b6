using Containers.Native;
using Xunit;

namespace Containers.Tests.Handles;

public sealed class MountHandleTests : IClassFixture<HostState>
{
    [Fact]
    public void Overlay_is_made_attached_and_taken_down()
    {
        Requires.Root();
        using TestDirectory test = new();
        foreach (string name in (string[])["lower", "upper", "work", "root"])
        {
            Directory.CreateDirectory(test[name]);
        }

        File.WriteAllText(test["lower/file"], "lower");
        using (MountHandle overlay = MountHandle.Create("overlay", [("lowerdir", test["lower"]), ("upperdir", test["upper"]), ("workdir", test["work"]), ("volatile", null)]))
        {
            overlay.Attach(test["root"]);
        }

        File.WriteAllText(test["root/file"], "changed");
        Assert.Contains($" {test["root"]} ", File.ReadAllText("/proc/self/mountinfo"));
        MountHandle.Detach(test["root"]);
        Assert.Equal(("lower", "changed"), (File.ReadAllText(test["lower/file"]), File.ReadAllText(test["upper/file"])));
        Assert.Equal(Errno.EINVAL, Assert.Throws<KernelException>(() => MountHandle.Detach(test["root"])).Errno);
    }

    [Fact]
    public void Clone_can_be_made_read_only_before_anyone_sees_it()
    {
        Requires.Root();
        using TestDirectory test = new();
        Directory.CreateDirectory(test["from"]);
        Directory.CreateDirectory(test["to"]);
        using MountHandle clone = MountHandle.Clone(test["from"]);
        try
        {
            clone.Change(MountAttributes.ReadOnly | MountAttributes.NoDevices);
        }
        catch (KernelException e) when (e.Errno == Errno.ENOSYS)
        {
            Requires.That(false, "mount_setattr needs Linux 5.12");
        }

        clone.Attach(test["to"]);
        Assert.Throws<IOException>(() => File.WriteAllText(test["to/file"], "x"));
        Assert.Contains($" {test["to"]} ro,nodev", File.ReadAllText("/proc/self/mountinfo"));
        MountHandle.Detach(test["to"]);
    }

    [Fact]
    public void Errors_say_what_was_tried_on_what()
    {
        Requires.Root();
        Assert.StartsWith("mount nosuchfs: ENODEV (No such device).", Assert.Throws<KernelException>(() => MountHandle.Create("nosuchfs", [])).Message);
        Assert.StartsWith("clone mount \"/no/such/path\": ENOENT", Assert.Throws<KernelException>(() => MountHandle.Clone("/no/such/path")).Message);
        KernelException option = Assert.Throws<KernelException>(() => MountHandle.Create("tmpfs", [("nonsense", "1")]));
        Assert.Equal((Errno.EINVAL, "mount tmpfs", "nonsense=1"), (option.Errno, option.Operation, option.Operand));
    }

    [Fact]
    public void Namespace_is_opened_by_process_and_kind()
    {
        using NamespaceHandle own = NamespaceHandle.Open(Environment.ProcessId, "mnt");

        Assert.False(own.IsInvalid);
        Assert.Equal(Errno.ENOENT, Assert.Throws<KernelException>(() => NamespaceHandle.Open(Environment.ProcessId, "nonsense")).Errno);
    }
}
