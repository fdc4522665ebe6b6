using System.Text.Json.Nodes;
using Xunit;

namespace Containers.Tests.Images;

/// <summary>Archives in all the forms that they come in.</summary>
public sealed class DockerArchiveTests : IClassFixture<HostState>, IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly ImageStore _store;

    public DockerArchiveTests()
    {
        Requires.Root();
        _store = new ImageStore(_directory["store"]);
    }

    public void Dispose() => _directory.Dispose();

    private HandMadeArchive TwoLayers(string name = "image.tar") => new HandMadeArchive(_directory, name)
        .AddLayer("mkdir etc; echo base > etc/release; echo old > etc/gone")
        .AddLayer("mkdir etc; echo new > etc/added; touch etc/.wh.gone");

    [Fact]
    public void Old_layout_is_loaded()
    {
        HandMadeArchive archive = TwoLayers();
        Image image = _store.Load($"docker-archive:{archive.Save()}");

        Assert.Equal("made:by-hand", image.Name);
        Assert.Matches("^sha256:[0-9a-f]{64}$", image.Id);
        Assert.Equal(archive.DiffIds, image.Layers.Select(layer => layer.DiffId));
        Assert.All(image.Layers, layer => Assert.True(layer.Size >= 10240));
        Assert.Equal(["sh"], image.Config.Cmd);
        using OverlayMount mount = new(_directory, image);
        Assert.Equal(["etc", "etc/added", "etc/release"], Listing.Names(mount.Path));
    }

    [Fact]
    public void Config_is_read()
    {
        HandMadeArchive archive = TwoLayers();
        archive.Config = config =>
        {
            config["config"] = JsonNode.Parse("""
                {"Entrypoint":["/bin/tini","--"],"Cmd":null,"Env":["A=1","B=ü"],"WorkingDir":"/srv","User":"web:adm","StopSignal":"SIGINT",
                 "Labels":{"a":"b"},"ExposedPorts":{"80/tcp":{}},"Volumes":{"/data":{}},"Healthcheck":{"Test":["NONE"]}}
                """);
            config["history"] = JsonNode.Parse("""[{"created_by":"base"},{"created_by":"ENV A=1","empty_layer":true},{"created_by":"RUN it"}]""");
        };
        Image image = _store.Load(archive.Save());

        Assert.Equal(["/bin/tini", "--"], image.Config.Entrypoint);
        Assert.Empty(image.Config.Cmd);
        Assert.Equal(["A=1", "B=ü"], image.Config.Env);
        Assert.Equal(("/srv", "web:adm", "SIGINT"), (image.Config.WorkingDir, image.Config.User, image.Config.StopSignal));
        Assert.Equal("b", image.Config.Labels["a"]);
        Assert.Equal(["80/tcp"], image.Config.ExposedPorts);
        Assert.Equal(["/data"], image.Config.Volumes);
        Assert.Equal("linux", image.Config.Os);
        Assert.Equal(["base", "RUN it"], image.Layers.Select(layer => layer.CreatedBy));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("xz")]
    public void Archive_and_layers_may_be_compressed(string compressor)
    {
        Requires.Tools(compressor);
        HandMadeArchive archive = TwoLayers();
        archive.Change($"for layer in */layer.tar; do {compressor} -q < $layer > x; mv x $layer; done");
        string path = archive.Save();
        Tool.Bash($"{compressor} -q < {path} > {path}.compressed");

        Image image = _store.Load($"docker-archive:{path}.compressed");
        Assert.Equal(archive.DiffIds, image.Layers.Select(layer => layer.DiffId));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory["store/work"]));
        Assert.Equal(image.Id, _store.Load(path).Id); // and plain
    }

    [Fact]
    public void Layers_that_are_links_to_others_are_followed()
    {
        HandMadeArchive archive = TwoLayers();
        archive.Change("""
            first=$(printf '%064x' 0)
            mkdir soft hard
            ln -s ../$first/layer.tar soft/layer.tar
            ln $first/layer.tar hard/layer.tar
            """);
        archive.AddLayerFile("soft/layer.tar").AddLayerFile("hard/layer.tar");
        Image image = _store.Load(archive.Save());
        Assert.Equal(4, image.Layers.Count);
        Assert.Equal(2, image.Layers.DistinctBy(layer => layer.DiffId).Count());
        Assert.Equal(4, image.LowerDirectories.Count);
    }

    [Fact]
    public void Tag_chooses_among_images()
    {
        HandMadeArchive archive = TwoLayers();
        archive.Change("echo '{}' > other.json");
        archive.Manifest = manifest => manifest.Insert(0, JsonNode.Parse("""{"Config":"other.json","RepoTags":["docker.io/library/other:1"],"Layers":[]}"""));
        string path = archive.Save();

        Assert.Equal("made:by-hand", _store.Load($"docker-archive:{path}:made:by-hand").Name);
        ImageException ambiguous = Assert.Throws<ImageException>(() => _store.Load($"docker-archive:{path}"));
        Assert.Contains("2 images", ambiguous.Message, StringComparison.Ordinal);
        Assert.Contains("docker.io/library/other:1, made:by-hand", ambiguous.Hint, StringComparison.Ordinal);
        ImageException missing = Assert.Throws<ImageException>(() => _store.Load($"docker-archive:{path}:nobody"));
        Assert.Contains("docker.io/library/other:1, made:by-hand", missing.Hint, StringComparison.Ordinal);
        // The short name finds the long one; that image has no layers, which its config does not even say.
        Assert.Contains("diff_ids", Assert.Throws<ImageException>(() => _store.Load($"docker-archive:{path}:other:1")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whiteout_that_hides_nothing_leaves_no_ghost()
    {
        Image image = _store.Load(new HandMadeArchive(_directory)
            .AddLayer("mkdir a; echo 1 > a/kept")
            .AddLayer("mkdir -p a new/deep; touch a/.wh.never new/.wh.ghost new/deep/.wh.ghost new/file")
            .AddLayer("mkdir -p opaque/in; touch opaque/.wh..wh..opq opaque/in/.wh.ghost")
            .Save());
        using OverlayMount mount = new(_directory, image);
        Assert.Equal(["a", "a/kept", "new", "new/deep", "new/file", "opaque", "opaque/in"], Listing.Names(mount.Path));
    }

    [Fact]
    public void Directories_that_a_layer_says_nothing_of_stay_as_they_are_below()
    {
        HandMadeArchive archive = new HandMadeArchive(_directory)
            .AddLayer("mkdir -p tmp a/b opaque/in; chmod 1777 tmp; chown 12:34 a; chmod 2750 a/b; setfattr -n user.kept -v x a/b; chmod 711 .; touch -d @1000 tmp a/b a .")
            .Change("mkdir only; cd only; mkdir -p tmp a/b new/deep opaque/in; touch tmp/file a/b/file new/deep/file opaque/.wh..wh..opq opaque/in/x; tar -cf layer.tar tmp/file a/b/file new/deep/file opaque/.wh..wh..opq opaque/in/x")
            .AddLayerFile("only/layer.tar");
        Image image = _store.Load(archive.Save());
        Assert.Equal(2, image.Layers.Count);
        using OverlayMount mount = new(_directory, image);
        Assert.Equal(
            ". 711 0:0 1000\n./a 755 12:34 1000\n./a/b 2750 0:0 1000\n./tmp 1777 0:0 1000\n",
            Tool.Bash($"cd {mount.Path}; stat -c '%n %a %u:%g %Y' . ./a ./a/b ./tmp"));
        Assert.Contains("user.kept=\"x\"", Tool.Run("getfattr", "-d", mount.Path + "/a/b"), StringComparison.Ordinal);
        Assert.Equal("755", Tool.Run("stat", "-c", "%a", mount.Path + "/new/deep").Trim());
        Assert.Equal(["a", "a/b", "a/b/file", "new", "new/deep", "new/deep/file", "opaque", "opaque/in", "opaque/in/x", "tmp", "tmp/file"], Listing.Names(mount.Path));
        Assert.Equal(image.LowerDirectories, new ImageStore(_store.Path).Load(archive.Path).LowerDirectories);
    }

    [Fact]
    public void Image_of_umoci_equals_what_umoci_unpacks()
    {
        Requires.Tools("umoci", "skopeo");
        Tool.Bash($$"""
            cd '{{_directory.Path}}'
            umoci init --layout oci
            umoci new --image oci:it
            umoci unpack --image oci:it bundle
            cd bundle/rootfs
            mkdir -p etc usr/bin var/{a,b,c} dir/sub; ln -s usr/bin bin; echo root:x:0:0:root:/root:/bin/sh > etc/passwd
            echo prog > usr/bin/prog; chmod 4755 usr/bin/prog; setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 usr/bin/prog
            echo x > 'name with blank'; printf y > $'\xff\xfe-no-utf8'; mkfifo pipe; mknod null c 1 3; chown 12:34 var/a; chmod 1777 var/b
            echo link > one; ln one two; echo gone > var/c/gone; echo hidden > dir/sub/hidden; touch -d '1969-12-31 23:00:00.5' old
            cd ../..; umoci repack --image oci:it bundle; rm -rf bundle
            umoci unpack --image oci:it bundle
            cd bundle/rootfs; rm var/c/gone; rm -r dir/sub; mkdir dir/sub; echo back > dir/sub/back; rm one; echo more >> etc/passwd; rm bin; mkdir bin
            cd ../..; umoci repack --image oci:it bundle; rm -rf bundle
            umoci config --image oci:it --config.user 12:34 --config.cmd prog
            umoci unpack --image oci:it bundle
            skopeo copy -q oci:oci:it docker-archive:image.tar:made-by:umoci
            """);
        Image image = _store.Load("docker-archive:" + _directory["image.tar"]);
        Assert.Equal("12:34", image.Config.User);
        using OverlayMount mount = new(_directory, image);
        Assert.Equal(Listing.Of(_directory["bundle/rootfs"]), Listing.Of(mount.Path));
    }

    [Fact]
    public void Image_of_buildah_is_loaded()
    {
        Requires.Tools("buildah");
        Tool.Bash($$"""
            cd '{{_directory.Path}}'
            b() { buildah --root "$PWD/br" --runroot "$PWD/bx" --storage-driver vfs "$@"; }
            c=$(b from scratch)
            mkdir tree; echo 'web:x:33:33::/var/www:/bin/false' > tree/passwd; printf 'adm:x:4:web\nweb:x:33:\n' > tree/group
            b copy -q $c tree /etc > /dev/null
            b config --user web --entrypoint '["/bin/app"]' --env X=y --workingdir /etc --stop-signal SIGQUIT --label a=b $c
            b commit -q --rm $c made:one > /dev/null
            b push -q made:one docker-archive:$PWD/image.tar:made:one
            """);
        Image image = _store.Load(_directory["image.tar"]);
        Assert.Equal(["/bin/app"], image.Config.Entrypoint);
        Assert.Equal("SIGQUIT", image.Config.StopSignal);
        Assert.Equal((33u, 33u, "/var/www"), (image.ResolveUser(image.Config.User).Uid, image.ResolveUser("web").Gid, image.ResolveUser("33").Home));
        Assert.Equal([4u], image.ResolveUser("web").SupplementaryGroups);
        Assert.Equal("docker.io/library/made:one", image.Name);
    }

    [Fact]
    public void Image_for_another_machine_is_refused()
    {
        HandMadeArchive archive = TwoLayers();
        archive.Config = config => config["architecture"] = "s390x";
        Assert.Contains("\"s390x\"", Assert.Throws<ImageException>(() => _store.Load(archive.Save())).Message, StringComparison.Ordinal);
        archive.Config = config => config["os"] = "windows";
        Assert.Contains("\"windows\"", Assert.Throws<ImageException>(() => _store.Load(archive.Save())).Message, StringComparison.Ordinal);
    }
}
