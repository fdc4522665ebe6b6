using System.Text.Json.Nodes;
using Containers.Tests.Images;
using Xunit;

namespace Containers.Tests.Storage;

/// <summary>What a container changed is listed, and becomes an image.</summary>
[Trait("here", "yes")]
public sealed class CommitTests : IClassFixture<HostState>, IDisposable
{
    private const string Below = "mkdir -p kept replaced/in moved opaque/a/b gone/x var; echo 1 > kept/file; echo 1 > kept/same; echo 2 > kept/removed; echo 3 > replaced/in/f; echo 4 > moved/f; echo 5 > opaque/a/b/f; echo 6 > gone/x/y; echo 7 > turned; ln -s kept link; chmod 755 kept; echo c > chowned; echo m > moded";
    private const string Changes = """
        set -e
        echo more >> kept/file; : >> kept/same; rm kept/removed; rm -r gone; mkdir new; echo n > new/file; ln new/file new/hard; ln -s file new/link; mkfifo -m 600 new/fifo
        rm -r replaced; echo file > replaced; rm turned; mkdir turned; echo in > turned/in; rm -r opaque; mkdir opaque; echo o > opaque/other
        chown 12:34 chowned; chmod 4711 moded; echo through > link/through; touch -d @1000000000 new/file
        """;

    private readonly TestDirectory _directory = new();
    private readonly MadeImages _images;
    private readonly ImageStore _store;
    private readonly Image _image;

    public CommitTests()
    {
        Requires.Owners();
        Requires.Tools("busybox");
        _images = new MadeImages(_directory);
        _store = new ImageStore(_directory["store"]);
        _image = _store.Load(_images.Archive("made:1", Below));
    }

    public void Dispose() => _directory.Dispose();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private ContainerBuilder Builder(string script = Changes) => Container.FromImage(_image).WithStore(_store.Path)
        .WithCommand("/bin/busybox", "sh", "-c", $"export PATH=/bin; for a in mkfifo touch find; do busybox ln -sf /bin/busybox /tmp/$a; done; PATH=/bin:/tmp; {script.ReplaceLineEndings("\n")}\nrm /tmp/mkfifo /tmp/touch /tmp/find");

    private static async Task<Container> Ended(ContainerBuilder builder)
    {
        Container container = builder.Start();
        string error = await container.ReadErrorAsync(Cancelled);
        Assert.True((await container.WaitAsync(Cancelled)).IsSuccess, error);
        return container;
    }

    private static readonly string[] s_expected =
    [
        "C /chowned", "D /gone", "C /kept/file", "D /kept/removed", "A /kept/through", "C /moded", "A /new", "A /new/fifo", "A /new/file", "A /new/hard", "A /new/link",
        "C /opaque", "D /opaque/a", "A /opaque/other", "C /replaced", "C /turned", "A /turned/in",
    ];

    [Fact]
    public async Task Changes_are_what_the_container_did_and_nothing_else()
    {
        await using Container container = await Ended(Builder().WithTmpfs("/made/for/tmpfs").WithBind(_directory.Path, "/made/for/bind"));
        Assert.Equal(s_expected, (await container.ChangesAsync(Cancelled)).Select(change => change.ToString()));
    }

    [Fact]
    public async Task Container_that_did_nothing_has_changed_nothing()
    {
        await using Container container = await Ended(Builder("true").WithTmpfs("/made"));
        Assert.Empty(await container.ChangesAsync(Cancelled));
        await using Container idle = Container.FromImage(_image).WithStore(_store.Path).WithCommand("sleep", "1000").Start();
        Assert.Empty(await idle.ChangesAsync(Cancelled));
        int layers = _image.Layers.Count;
        Image same = await idle.CommitAsync("same:1", new CommitOptions { Comment = "nothing" }, Cancelled);
        Assert.Equal(layers, same.Layers.Count);
        Assert.True(_store.Inspect("same:1")!.History[^1].IsEmptyLayer);
    }

    public static TheoryData<string> Kinds => ["plain", "users", "copied", "copied users", "host mounts", "fuse"];

    private static ContainerBuilder As(string kind, ContainerBuilder builder) => kind switch
    {
        "users" => builder.WithUserNs(new IdMap(0, 200_000, 65_536)),
        "copied" => builder.WithCopiedRoot(),
        "copied users" => builder.WithCopiedRoot().WithUserNs(new IdMap(0, 200_000, 65_536)),
        "host mounts" => builder.WithHostMountNs(),
        "fuse" => builder.WithFuseOverlayRoot(),
        _ => builder,
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Committed_image_is_the_container_s_root_entry_by_entry(string kind)
    {
        if (kind == "fuse")
        {
            Requires.That(HostCapabilities.Probe().Has(HostFeature.FuseOverlayfs), "this test needs fuse-overlayfs and a /dev/fuse that this user may open");
        }
        else if (kind is not ("plain" or "copied"))
        {
            Requires.Root(); // ids that no user was given, and mounts that all see
        }

        await using Container container = await Ended(As(kind, Builder()));
        // In a copy a directory that was made anew with the same mode is the same one.
        Assert.Equal(s_expected.Where(change => !kind.StartsWith("copied", StringComparison.Ordinal) || change != "C /opaque"), (await container.ChangesAsync(Cancelled)).Select(change => change.ToString()));
        Image image = await container.CommitAsync("committed:1", new CommitOptions { Author = "me", Comment = "why", Configure = config => config with { Cmd = ["cat", "/kept/file"], Env = [.. config.Env, "A=b"] } }, Cancelled);

        Assert.Equal(_image.Layers.Count + 1, image.Layers.Count);
        Assert.Equal(image.Id, _store.Get("committed:1")!.Id);
        ImageDetails details = _store.Inspect("committed:1")!;
        Assert.Equal(("me", "why", "me"), (details.Author, details.History[^1].Comment, details.History[^1].Author));
        Assert.Contains("A=b", image.Config.Env);
        Assert.Equal("more\n12 34 4711 0\nopaque/other turned/in\n1000000000 2 2\ngone\n0\n", OverlayMount.Bash(_directory, image, """
            tail -n 1 kept/file
            echo $(stat -c '%u %g' chowned) $(stat -c '%a %u' moded)
            echo $(find opaque turned -mindepth 1)
            echo $(stat -c '%Y %h' new/file) $(stat -c %h new/hard)
            [ ! -e gone ] && [ ! -e kept/removed ] && echo gone
            find . -uid +65536 | wc -l
            """));

        Assert.Equal("1\nmore\n", (await Container.FromImage(_store.Get("committed:1")!).WithStore(_store.Path).RunAsync(cancellationToken: Cancelled)).Output);
        Assert.True((await _store.VerifyAsync(cancellationToken: Cancelled)).IsSound);
    }

    /// <summary>As it does where it may make no devices: before Linux 5.8, or on some file systems.</summary>
    [Fact]
    public async Task What_fuse_overlayfs_marks_by_names_of_files_is_removed()
    {
        Requires.That(HostCapabilities.Probe().Has(HostFeature.FuseOverlayfs), "this test needs fuse-overlayfs and a /dev/fuse that this user may open");
        await using Container container = await Ended(As("fuse", Builder("true")));
        string upper = Directory.GetDirectories(_directory["store/running"], "*", SearchOption.AllDirectories).Single(path => path.EndsWith("/upper", StringComparison.Ordinal));
        Tool.BashAsRoot($"cd {upper}; mkdir -p opaque; touch .wh.gone .wh.never-was opaque/.wh..wh..opq");

        Assert.Equal(["D /gone", "C /opaque", "D /opaque/a"], (await container.ChangesAsync(Cancelled)).Select(change => change.ToString()));
    }

    [Fact]
    public async Task Umoci_and_skopeo_unpack_a_committed_image_as_the_container_saw_it()
    {
        Requires.Root();
        Requires.Tools("umoci");
        await using Container container = Builder($"{Changes}\necho done; sleep 1000").WithCgroup().Start();
        Assert.Equal("done", await container.ReadOutputLinesAsync(Cancelled).FirstAsync(Cancelled));
        Image image = await container.CommitAsync("committed:1", cancellationToken: Cancelled);
        await image.SaveAsync($"oci:{_directory["layout"]}:1", cancellationToken: Cancelled);
        Tool.Bash($"umoci unpack --image {_directory["layout"]}:1 {_directory["bundle"]}");
        Tool.Bash($"skopeo copy --insecure-policy -q oci:{_directory["layout"]}:1 dir:{_directory["verified"]}");
        // The container's root without what is mounted in it.
        Tool.Bash($"mkdir {_directory["seen"]}; cp -a --one-file-system /proc/{container.Pid}/root/. {_directory["seen"]}/ 2>/dev/null || true");
        Tool.Bash($"cd {_directory["seen"]}; rm -rf proc/* sys/* dev/* etc/hosts etc/hostname etc/resolv.conf; cd {_directory["bundle"]}/rootfs; rm -rf proc/* sys/* dev/* etc/hosts etc/hostname etc/resolv.conf");
        string[] Lines(string path) => [.. TreeListing.Of(path, times: false).Where(line => !line.StartsWith("./tmp", StringComparison.Ordinal) && line.Split(' ')[0] is not ("./proc" or "./sys" or "./dev"))];
        Assert.Equal(Lines(_directory["seen"]), Lines(_directory["bundle/rootfs"]));
    }

    [Fact]
    public async Task Same_container_committed_twice_with_one_time_is_one_image()
    {
        await using Container container = await Ended(Builder());
        CommitOptions options = new() { Created = DateTimeOffset.UnixEpoch };
        Image first = await container.CommitAsync("first", options, Cancelled);
        Image second = await container.CommitAsync("second", options, Cancelled);
        Assert.Equal(first.Id, second.Id);
    }

    [Fact]
    public async Task Capabilities_attributes_and_names_of_any_bytes_are_kept_for_root_of_any_namespace()
    {
        Requires.Root();
        Requires.Tools("setcap", "setfattr");
        Image image = _store.Load(_images.Archive("tools:1", "echo t > capable; echo t > attributed"), Cancelled);
        await using Container container = Container.FromImage(image).WithStore(_store.Path).WithUserNs(new IdMap(0, 200_000, 65_536)).WithCommand("sh", "-c", "echo >> /capable; echo >> /attributed; echo > \"$(printf 'caf\\351')\"; echo ready; sleep 1000").Start();
        Assert.Equal("ready", await container.ReadOutputLinesAsync(Cancelled).FirstAsync(Cancelled));
        string upper = Directory.GetDirectories(_directory["store/running"], "*", SearchOption.AllDirectories).Single(path => path.EndsWith("/upper", StringComparison.Ordinal));
        Tool.Bash($"setcap -n 200000 cap_net_raw+ep {upper}/capable; setfattr -n user.a -v b {upper}/attributed");
        Image committed = await container.CommitAsync("committed:1", new CommitOptions { Pause = false }, Cancelled);
        string layer = committed.LowerDirectories[0];
        Assert.Equal($"{layer}/capable cap_net_raw=ep", Tool.Run("getcap", "-n", layer + "/capable").Trim());
        Assert.Contains("user.a=\"b\"", Tool.Run("getfattr", "-d", layer + "/attributed"), StringComparison.Ordinal);
        Assert.Contains(await container.ChangesAsync(Cancelled), change => change.Path == "/caf\\xe9");
    }

    [Fact]
    public async Task What_cannot_be_committed_is_told()
    {
        Directory.CreateDirectory(_directory["root/bin"]);
        Tool.Bash($"cp $(command -v busybox) {_directory["root/bin"]}/busybox");
        await using (Container bound = Container.FromRootfs(_directory["root"]).WithBindRoot().WithStore(_store.Path).WithCommand("/bin/busybox", "true").Start())
        {
            Assert.Contains("directory of the host", (await Assert.ThrowsAsync<ContainerException>(() => bound.ChangesAsync(Cancelled))).Message, StringComparison.Ordinal);
            await Assert.ThrowsAsync<ImageException>(() => bound.CommitAsync("x", cancellationToken: Cancelled));
        }

        await using (Container limited = Container.FromImage(_image).WithStore(_store.Path).WithDiskLimit(16 << 20, kind: DiskLimitKind.Memory).WithCommand("sleep", "1000").Start())
        {
            Assert.Contains("memory", (await Assert.ThrowsAsync<ContainerException>(() => limited.ChangesAsync(Cancelled))).Message, StringComparison.Ordinal);
        }

        Container container = await Ended(Builder("true"));
        await Assert.ThrowsAsync<ImageException>(() => container.CommitAsync("Not A Name", cancellationToken: Cancelled));
        await container.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => container.ChangesAsync(Cancelled));
        Assert.Empty(Listing.Names(_directory["store/work"]));
    }
}
