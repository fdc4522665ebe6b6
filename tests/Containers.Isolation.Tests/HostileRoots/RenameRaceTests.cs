using Containers.Native;
using Xunit;

namespace Containers.Tests.HostileRoots;

/// <summary>Someone who may write to a bound root exchanges what is mounted on for a link to the host, over and over, while containers start.</summary>
public sealed unsafe class RenameRaceTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private const int Renames = 10_000, Starts = 40;
    private const uint RENAME_EXCHANGE = 2;

    [Theory]
    [InlineData("target", "$host")]
    [InlineData("target", "../../../../../../../../../../..$host")]
    [InlineData("etc", "$host")]
    [InlineData("proc", "$host")]
    [InlineData("dev", "../../../../../../../../../../..$host")]
    public void Exchanged_mount_target_never_leads_to_the_host(string name, string link)
    {
        string image = root["image"];
        Tool.Bash($"rm -rf {image} {root["host"]}; mkdir -p {root["host"]}/inner {root["seen"]}; echo sentinel > {root["host"]}/file; echo x > {root["seen"]}/file; cp -a {root.Path} {image}; mkdir -p {image}/{name}; host={root["host"]}; ln -s {link} {image}/trap");
        IReadOnlyList<string> host = TreeListing.Of(root["host"]), seen = TreeListing.Of(root["seen"]);
        string mounts = File.ReadAllText("/proc/self/mountinfo");
        using CancellationTokenSource enough = new();
        int renames = 0, failures = 0, started = 0;
        Thread attacker = new(() =>
        {
            using PathHandle directory = PathHandle.OpenDirectory(image);
            fixed (byte* target = CString.Bytes(name), trap = "trap\0"u8)
            {
                while (!enough.IsCancellationRequested || Volatile.Read(ref renames) < Renames)
                {
                    Kernel.Check(Kernel.renameat2(directory.Descriptor, target, directory.Descriptor, trap, RENAME_EXCHANGE), "exchange");
                    Volatile.Write(ref renames, renames + 1);
                }
            }
        });
        attacker.Start();
        try
        {
            ContainerBuilder builder = Container.FromRootfs(image).WithStore(root.Store).WithBindRoot().WithTimeout(TimeSpan.FromSeconds(60))
                .WithBind(root["seen"], "/target/inner").WithTmpfs("/target/scratch", 1 << 20).WithBind(root["seen"] + "/file", "/target/deep/file").WithCommand("/bin/busybox", "true");
            for (int i = 0; i < Starts || Volatile.Read(ref renames) < Renames; i++)
            {
                try
                {
                    using Container container = builder.Start();
                    Assert.True(container.Wait().IsSuccess);
                    started++;
                }
                catch (LaunchException e)
                {
                    failures++;
                    Assert.Contains(e.Errno, (Errno[])[Errno.ELOOP, Errno.ENOTDIR, Errno.ENOENT, Errno.EAGAIN, Errno.EXDEV, Errno.EEXIST]);
                }
            }
        }
        finally
        {
            enough.Cancel();
            attacker.Join();
        }

        Assert.InRange(renames, Renames, int.MaxValue);
        Assert.InRange(started + failures, Starts, int.MaxValue);
        Assert.Equal(host, TreeListing.Of(root["host"]));
        Assert.Equal(seen, TreeListing.Of(root["seen"]));
        Assert.Equal(mounts, File.ReadAllText("/proc/self/mountinfo"));
        TestContext.Current.TestOutputHelper!.WriteLine($"{renames} renames, {started} started, {failures} refused");
    }
}
