using System.Text.RegularExpressions;
using Containers.Launch;
using Xunit;

namespace Containers.Tests.Launch;

/// <summary>What is done where the kernel lacks a call that this one may have.</summary>
[Trait("vm", "yes")]
[Trait("vm", "brief")]
public sealed partial class OlderKernelTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    [Fact]
    public async Task Container_is_the_same_without_mount_setattr_and_without_appended_lower_directories()
    {
        Directory.CreateDirectory(root["bound"]);
        ContainerBuilder builder = root.Container.WithHostname("same").WithBind(root["bound"], "/data", readOnly: true).WithReadOnlyRoot()
            .WithCommand("sh", "-c", "cat /proc/self/mountinfo; touch /data/x /x /proc/sys/x 2>&1; true");

        string here = (await builder.RunAsync(cancellationToken: TestContext.Current.CancellationToken)).Output;
        ContainerLauncher.Features.Value = new KernelFeatures { MountSetattr = false, OverlayLowerAppend = false };
        string older = (await builder.RunAsync(cancellationToken: TestContext.Current.CancellationToken)).Output;

        Assert.Equal(Normalised(here), Normalised(older));
        Assert.Contains("touch: /data/x: Read-only file system", older);
        Assert.Contains("/ /proc/sys ro,nosuid,nodev,noexec", Normalised(older).Replace("/sys /proc/sys", "/ /proc/sys", StringComparison.Ordinal));
    }

    [Fact]
    public void Layers_that_do_not_fit_into_a_page_of_options_are_an_error_that_says_what_would_help()
    {
        LaunchRequest request = RequestBuilder.Build(root.Container.WithOverlayRoot().WithCommand("true").Spec, new ResolvedRoot(root.Store, [.. Enumerable.Repeat(root.Path, 200)], null), "x", "/state/x", (0, 1, 2));

        ContainerException error = Assert.Throws<ContainerException>(() => LaunchPlan.Compile(request, 3, new KernelFeatures { OverlayLowerAppend = false }));

        Assert.Contains("200 layers", error.Message);
        Assert.Contains("Linux 6.7", error.Hint);
    }

    [Fact]
    public void Appended_lower_directories_are_not_believed_in_where_any_option_is_taken()
    {
        // An overlay of before Linux 6.5 takes every option and fails at the mount: seen on 5.10 and 6.1.
        if (Environment.OSVersion.Version < new Version(6, 5))
        {
            Assert.False(KernelFeatures.Current.OverlayLowerAppend);
        }
        else if (Environment.OSVersion.Version >= new Version(6, 7))
        {
            Assert.True(KernelFeatures.Current.OverlayLowerAppend);
        }
    }

    private static string Normalised(string mounts)
        => OverlayOptions().Replace(CopiedRoots().Replace(Ids().Replace(mounts, ""), "copy"), "overlay overlay");

    [GeneratedRegex(@"^\d+ \d+ \d+:\d+ ", RegexOptions.Multiline)]
    private static partial Regex Ids();

    // Of a user where the kernel has no overlay for one: each container has its own.
    [GeneratedRegex(@"^\S+/running/\S+/copy", RegexOptions.Multiline)]
    private static partial Regex CopiedRoots();

    [GeneratedRegex("overlay overlay rw.*")]
    private static partial Regex OverlayOptions();
}
