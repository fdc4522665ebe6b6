using System.Text.RegularExpressions;
using Containers.Tests.Images;
using Xunit;

namespace Containers.Tests.Peers;

/// <summary>Images that other programs made, mounted here and unpacked by umoci: the same tree, entry by entry.</summary>
public sealed class UmociTreeTests : IClassFixture<HostState>, IDisposable
{
    private readonly TestDirectory _directory = new();

    public UmociTreeTests()
    {
        Requires.Root();
        Requires.Tools("umoci", "skopeo");
    }

    public void Dispose() => _directory.Dispose();

    // Mode, owner, times to the nanosecond, attributes, links, devices and content of every entry. How many names a file has is left out: an
    // overlay counts those that a layer above has hidden, which is the kernel's way; which names are the same file is compared.
    internal static void AssertEqual(string expected, string actual)
        => Assert.Equal(TreeListing.Of(expected).Select(WithoutCount), TreeListing.Of(actual).Select(WithoutCount));

    private static string WithoutCount(string line) => Regex.Replace(line, @" \d+ names\b", "");

    /// <param name="layout">What is loaded here.</param>
    /// <param name="forUmoci">The same image as umoci reads it, where that is another: umoci 0.4 knows no zstd.</param>
    private async Task AssertAsUmociUnpacks(string layout, string? forUmoci = null)
    {
        Tool.Run("umoci", "unpack", "--image", forUmoci ?? layout, _directory["bundle"]);
        Image image = new ImageStore(_directory["store"]).Load("oci:" + layout, TestContext.Current.CancellationToken);
        using OverlayMount mount = new(_directory, image);
        AssertEqual(_directory["bundle/rootfs"], mount.Path);
        // And once more of the layers as they are saved from the store.
        await image.SaveAsync($"oci:{_directory["saved"]}:1", cancellationToken: TestContext.Current.CancellationToken);
        Tool.Run("umoci", "unpack", "--image", _directory["saved"] + ":1", _directory["again"]);
        AssertEqual(_directory["bundle/rootfs"], _directory["again/rootfs"]);
    }

    /// <summary>Each step is a layer of buildah's, made by a script that works in the mounted root.</summary>
    private string Buildah(params string[] steps)
    {
        Requires.Tools("buildah");
        string buildah = $"buildah --root {_directory["b"]} --runroot {_directory["br"]} --storage-driver overlay";
        string script = $"from=scratch\n";
        for (int i = 0; i < steps.Length; i++)
        {
            script += $"c=$({buildah} from $from); m=$({buildah} mount $c); (cd $m; {steps[i]}); {buildah} umount $c > /dev/null; {buildah} commit -q $c step{i} > /dev/null; {buildah} rm $c > /dev/null; from=localhost/step{i}\n";
        }

        Tool.Bash($"{script}{buildah} push -q $from oci:{_directory["layout"]}:1; {buildah} rmi -a -f > /dev/null; rm -rf {_directory["b"]} {_directory["br"]} || true");
        return _directory["layout"] + ":1";
    }

    [Fact]
    public Task Whiteouts_opaque_and_replaced_directories_of_buildah()
        => AssertAsUmociUnpacks(Buildah(
            "mkdir -p a/b/c d/e f g; echo 1 > a/b/c/1; echo 2 > a/2; echo 3 > d/e/3; echo 4 > f/4; echo 5 > g/5; ln -s a l; echo 6 > six; chmod 1777 d; chown 1:2 f",
            "rm -r a/b; rm six; rm -r d; mkdir d; echo new > d/new; rm -r f; echo file > f; rm l; mkdir l; echo in > l/in",
            "mkdir -p a/b; echo again > a/b/again; rm f; mkdir f; echo back > f/back; rm -r l; ln -s g l; rm d/new",
            "rm -r a; mkdir a; chmod 700 a; touch -d @1000000000 a; echo x > g/x; rm g/5"));

    [Fact]
    public async Task Hard_links_devices_and_capabilities_of_buildah()
    {
        Requires.Tools("setcap", "setfattr");
        await AssertAsUmociUnpacks(Buildah(
            "echo 1 > one; ln one two; echo c > cap; setcap cap_net_raw+ep cap; mkfifo fifo; mkdir d; echo s > d/suid; chmod 4755 d/suid; setfattr -n user.a -v b d/suid",
            "ln one three; echo more >> one; ln d/suid again; setcap cap_chown+ep cap; echo changed >> d/suid",
            "rm two; ln three four; chown 5:6 d; chmod 2750 d"));
    }

    [Fact]
    public async Task Sixty_layers_by_skopeo_in_zstd()
    {
        HandMadeArchive archive = new(_directory);
        for (int i = 0; i < 60; i++)
        {
            archive.AddLayer($"mkdir -p d{i % 7}/s; echo {i} > d{i % 7}/f{i}; echo {i} > last; {(i % 5 == 4 ? $"touch d{i % 7}/s/.wh.x d{(i + 1) % 7}.txt .wh.d{(i + 2) % 7}" : $"echo x > d{i % 7}/s/x")}");
        }

        archive.Save();
        Tool.Run("skopeo", "copy", "--insecure-policy", "-q", "--dest-compress-format", "zstd", "--dest-compress", $"docker-archive:{archive.Path}", $"oci:{_directory["layout"]}:1");
        Assert.Contains("tar+zstd", Tool.Run("skopeo", "inspect", "--raw", $"oci:{_directory["layout"]}:1"), StringComparison.Ordinal);
        Tool.Run("skopeo", "copy", "--insecure-policy", "-q", $"docker-archive:{archive.Path}", $"oci:{_directory["gzip"]}:1");
        await AssertAsUmociUnpacks(_directory["layout"] + ":1", _directory["gzip"] + ":1");
    }

    [Fact]
    public async Task Layers_of_umoci_itself()
    {
        string layout = _directory["layout"];
        Tool.Bash($$"""
            umoci init --layout {{layout}}; umoci new --image {{layout}}:1
            umoci unpack --image {{layout}}:1 {{_directory["u"]}}; cd {{_directory["u"]}}/rootfs
            mkdir -p a/b tmp; chmod 1777 tmp; echo 1 > a/b/1; ln a/b/1 hard; ln -s a l; setfattr -n user.x -v y a
            umoci repack --image {{layout}}:1 {{_directory["u"]}}; cd /; rm -rf {{_directory["u"]}}
            umoci unpack --image {{layout}}:1 {{_directory["u"]}}; cd {{_directory["u"]}}/rootfs
            rm a/b/1; echo t > tmp/t; rm l; mkdir l; echo i > l/i
            umoci repack --image {{layout}}:1 {{_directory["u"]}}
            """);
        await AssertAsUmociUnpacks(layout + ":1");
    }
}
