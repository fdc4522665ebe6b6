using Containers.Launch;
using Xunit;

namespace Containers.Tests.Running;

/// <summary>The root, what is mounted in it, and what becomes of changes.</summary>
[Trait("vm", "yes")]
public sealed class RootTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    [Fact]
    public async Task Changes_go_to_the_overlay_and_the_image_stays_as_it_is()
    {
        string before = Tool.Run("find", root.Path, "-printf", "%p %s %T@ %m\n");

        string seen = await root.Sh("echo changed > /etc/motd; rm /etc/group; mkdir /new; touch /new/file; cat /etc/motd; ls /new");

        Assert.Equal("changed\nfile\n", seen);
        Assert.Equal(before, Tool.Run("find", root.Path, "-printf", "%p %s %T@ %m\n"));
        Assert.Equal("original\n", await root.Sh("cat /etc/motd"));
    }

    [Fact]
    public async Task Bound_root_is_changed()
    {
        string copy = Copy("bound-root");

        await root.Sh("echo written > /var/bound", container => container.WithSpec(container.Spec with { Root = new RootSource.Directory(copy) }).WithBindRoot());

        Assert.Equal("written\n", File.ReadAllText(copy + "/var/bound"));
    }

    [Theory]
    [InlineData(RootMode.Overlay)]
    [InlineData(RootMode.Bind)]
    public async Task Read_only_root_cannot_be_changed_but_tmpfs_and_dev_can(RootMode mode)
    {
        string copy = Copy("read-only-" + mode);
        string output = await root.Sh(
            "touch /file 2>&1; mkdir /etc/x 2>&1; echo x > /scratch/file && echo x > /dev/shm/file && cat /scratch/file",
            container => container.WithSpec(container.Spec with { RootMode = mode, Root = new RootSource.Directory(copy) }).WithReadOnlyRoot().WithTmpfs("/tmp").WithBind(Made("scratch"), "/scratch"));

        Assert.Equal("touch: /file: Read-only file system\nmkdir: can't create directory '/etc/x': Read-only file system\nx\n", output);
    }

    [Fact]
    public async Task Bind_shows_a_directory_of_the_host_and_takes_changes_to_it()
    {
        string directory = Made("bound");
        File.WriteAllText(directory + "/from-host", "hello");

        Assert.Equal("hello", await root.Sh("cat /a/b/c/from-host; echo back > /a/b/c/from-container", container => container.WithBind(directory, "/a/b/c")));
        Assert.Equal("back\n", File.ReadAllText(directory + "/from-container"));
        Assert.False(Directory.Exists(root.Path + "/a"));
    }

    [Fact]
    public async Task Bind_of_a_file_makes_the_file_to_mount_on()
    {
        File.WriteAllText(root["one-file"], "content");

        Assert.Equal("content", await root.Sh("cat /opt/deep/file", container => container.WithBind(root["one-file"], "/opt/deep/file", readOnly: true)));
    }

    [Fact]
    public async Task Read_only_bind_cannot_be_written_nor_what_is_mounted_below_it()
    {
        Requires.Root();
        string directory = Made("ro");
        Directory.CreateDirectory(directory + "/below");
        Tool.Run("mount", "-t", "tmpfs", "tmpfs", directory + "/below");
        try
        {
            if (!KernelFeatures.Current.MountSetattr)
            {
                Assert.Contains("Linux 5.12", Assert.Throws<ContainerException>(() => root.Container.WithBind(directory, "/data", readOnly: true).WithCommand("true").Start()).Message);
                return;
            }

            Assert.Equal("touch: /data/x: Read-only file system\ntouch: /data/below/x: Read-only file system\n",
                await root.Sh("touch /data/x 2>&1; touch /data/below/x 2>&1; true", container => container.WithBind(directory, "/data", readOnly: true)));
        }
        finally
        {
            Tool.Run("umount", directory + "/below");
        }
    }

    [Fact]
    public async Task Read_only_bind_of_a_plain_directory_works_on_every_kernel()
        => Assert.Equal("touch: /data/x: Read-only file system\n", await root.Sh("touch /data/x 2>&1; true", container => container.WithBind(Made("plain"), "/data", readOnly: true)));

    [Fact]
    public async Task Target_that_is_a_link_out_of_the_root_stays_in_the_root()
    {
        string image = Copy("linked");
        Tool.Bash($"ln -s /../../../../escape {image}/link; mkdir {image}/escape; ln -s ../../../.. {image}/up");

        ContainerResult result = await Container.FromRootfs(image).WithStore(root.Store).WithBind(Made("seen"), "/link").WithBind(Made("seen2"), "/up/tmp")
            .WithCommand("sh", "-c", "echo x > /escape/in-bind; echo y > /tmp/in-bind; grep -c ' /escape ' /proc/self/mountinfo").RunAsync(cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal("1\n", result.Output);
        Assert.True(File.Exists(root["seen/in-bind"]));
        Assert.True(File.Exists(root["seen2/in-bind"]));
    }

    [Theory]
    [InlineData("proc")]
    [InlineData("dev")]
    [InlineData("sys")]
    public void Image_whose_proc_is_a_link_is_refused(string name)
    {
        string image = Copy("evil-" + name);
        Tool.Bash($"rmdir {image}/{name}; ln -s /tmp {image}/{name}");

        LaunchException error = Assert.Throws<LaunchException>(() => Container.FromRootfs(image).WithStore(root.Store).WithCommand("true").Start());

        Assert.Equal(Errno.ELOOP, error.Errno);
        Assert.Contains($"symbolic link at /{name}", error.Message);
    }

    [Fact]
    public async Task Tmpfs_is_empty_writable_and_limited()
        => Assert.Equal("0\n1024\ndd: error writing '/var/big': No space left on device\n",
            await root.Sh("ls -A /var | wc -l; df -k /var | tail -1 | awk '{print $2}'; dd if=/dev/zero of=/var/big bs=1M count=2 2>&1 | grep error", container => container.WithTmpfs("/var", 1 << 20)));

    [Fact]
    public async Task Root_without_any_directory_gets_those_that_are_needed()
    {
        string image = Made("bare");
        File.Copy(root.Path + "/bin/busybox", image + "/sh");
        Tool.Run("chmod", "755", image + "/sh");

        ContainerResult result = await Container.FromRootfs(image).WithStore(root.Store).WithCommand("/sh", "-c", "echo /*; echo /etc/*").RunAsync(cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal("/dev /etc /proc /sh /sys\n/etc/hostname /etc/hosts /etc/resolv.conf\n", result.Output);
        Assert.Equal(["sh"], Directory.GetFileSystemEntries(image).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Etc_files_of_the_image_can_be_kept()
        => Assert.Equal("ls: /etc/hosts: No such file or directory\n", await root.Sh("ls /etc/hosts 2>&1; true", container => container.WithoutEtcFiles()));

    [Fact]
    public async Task Dangling_resolv_conf_does_not_keep_a_container_from_starting()
    {
        string image = Copy("systemd-like");
        Tool.Bash($"ln -sf ../run/systemd/resolve/stub-resolv.conf {image}/etc/resolv.conf");

        ContainerResult result = await Container.FromRootfs(image).WithStore(root.Store).WithCommand("cat", "/etc/resolv.conf").RunAsync(cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal("# no network\n", result.Output);
        Assert.Equal("../run/systemd/resolve/stub-resolv.conf", new FileInfo(image + "/etc/resolv.conf").LinkTarget);
    }

    [Fact]
    public async Task Working_directory_is_made_when_it_is_missing()
    {
        Assert.Equal("/srv/app/here\n", await root.Sh("pwd", container => container.WithWorkingDirectory("/srv/app/here")));
        Assert.Equal("/tmp\n", await root.Sh("pwd", container => container.WithWorkingDirectory("/tmp")));
    }

    [Fact]
    public async Task Root_directory_keeps_its_mode_and_owner_under_the_overlay()
    {
        Requires.Root();
        string copy = Copy("odd-root");
        Tool.Bash($"chmod 1753 {copy}; chown 12:34 {copy}");

        Assert.Equal("1753 12 34\n", await root.Sh("stat -c '%a %u %g' /", container => container.WithSpec(container.Spec with { Root = new RootSource.Directory(copy) })));
    }

    private string Copy(string name)
    {
        Tool.Run("cp", "-a", root.Path, root[name]);
        return root[name];
    }

    private string Made(string name)
    {
        Directory.CreateDirectory(root[name]);
        return root[name];
    }
}
