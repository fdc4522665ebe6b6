using System.Text.Json.Nodes;
using Xunit;

namespace Containers.Tests.Images;

/// <summary>What is wrong with an image is said in one error; the store is as before; and the right image loads afterwards from the same place.</summary>
public sealed class BadImageTests : IClassFixture<HostState>, IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly ImageStore _store;

    public BadImageTests()
    {
        Requires.Root();
        _store = new ImageStore(_directory["store"]);
        // A store in use: what is there must stay.
        Assert.NotNull(_store.Load(new HandMadeArchive(_directory, "other.tar").AddLayer("echo other > file").Save()));
    }

    public void Dispose() => _directory.Dispose();

    private HandMadeArchive Archive() => new HandMadeArchive(_directory, "image.tar").AddLayer("mkdir a; echo 1 > a/b; head -c 300000 /dev/urandom > a/c");

    private ImageException Refused(string reference, params string[] words)
    {
        string before = Listing.OfStore(_store.Path);
        ImageException exception = Assert.Throws<ImageException>(() => _store.Load(reference));
        Assert.All(words, word => Assert.Contains(word, exception.Message, StringComparison.Ordinal));
        Assert.Equal(before, Listing.OfStore(_store.Path));

        Tool.Bash($"rm -rf {_directory["image.tar"]}*");
        Assert.Single(_store.Load($"docker-archive:{Archive().Save()}").Layers);
        return exception;
    }

    [Fact]
    public void Missing_file() => Refused("docker-archive:" + _directory["nowhere.tar"], "there is nothing at", "nowhere.tar");

    [Fact]
    public void Device() => Refused("/dev/null", "neither a file nor a directory");

    [Fact]
    public void Directory_as_docker_archive() => Refused("docker-archive:/", "this is a directory");

    [Fact]
    public void Empty_file()
    {
        File.WriteAllText(_directory["image.tar"], "");
        Refused(_directory["image.tar"], "empty");
    }

    [Theory]
    [InlineData("docker-archive:")]
    [InlineData("rootfs:")]
    [InlineData("")]
    public void File_that_is_no_tar(string transport)
    {
        File.WriteAllText(_directory["image.tar"], string.Concat(Enumerable.Repeat("This is a text and no archive.\n", 100)));
        Refused(transport + _directory["image.tar"], "image.tar");
    }

    [Fact]
    public void Tar_that_is_no_image()
    {
        Tool.Bash($"cd {_directory.Path}; echo x > file; tar -cf image.tar file");
        Refused("docker-archive:" + _directory["image.tar"], "no manifest.json", "rootfs:");
    }

    [Fact]
    public void Oci_archive()
    {
        Tool.Bash($"cd {_directory.Path}; echo '{{}}' > oci-layout; echo '{{}}' > index.json; tar -cf image.tar oci-layout index.json");
        Refused(_directory["image.tar"], "oci-archive:", "the layout's version is missing");
    }

    [Theory]
    [InlineData(700)] // in the middle of a header
    [InlineData(100_000)] // in a layer
    public void Truncated_archive(long length)
    {
        string path = Archive().Save();
        using (FileStream file = File.OpenWrite(path))
        {
            file.SetLength(length);
        }

        Refused("docker-archive:" + path, "image.tar");
    }

    [Fact]
    public void Truncated_compressed_archive()
    {
        string path = Archive().Save();
        Tool.Bash($"gzip -c {path} > {path}.gz; truncate -s 100000 {path}.gz; mv {path}.gz {path}");
        Refused("docker-archive:" + path, "image.tar");
    }

    [Fact]
    public void Truncated_layer()
    {
        HandMadeArchive archive = Archive();
        archive.Change("truncate -s 100000 */layer.tar");
        ImageException exception = Refused(archive.Save(), "layer 1 of 1");
        Assert.IsType<LayerException>(exception.InnerException);
    }

    [Fact]
    public void Layer_whose_digest_differs_is_refused_and_nothing_stays()
    {
        HandMadeArchive archive = Archive();
        string expected = archive.DiffIds[0];
        archive.Change("printf X | dd of=$(echo */layer.tar) bs=1 seek=200000 conv=notrunc status=none");
        ImageException exception = Refused(archive.Save(), "layer 1 of 1", expected);
        Assert.Equal(2, System.Text.RegularExpressions.Regex.Count(exception.Message, "sha256:[0-9a-f]{64}"));
    }

    [Fact]
    public void One_bad_layer_among_good_ones()
    {
        HandMadeArchive archive = Archive();
        for (int i = 0; i < 5; i++)
        {
            archive.AddLayer($"echo {i} > file{i}");
        }

        archive.Config = config => config["rootfs"]!["diff_ids"]![3] = "sha256:" + new string('0', 64);
        ImageException exception = Assert.Throws<ImageException>(() => _store.Load(archive.Save()));
        Assert.Contains("layer 4 of 6", exception.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory["store/work"]));
        Assert.False(Directory.Exists(_directory["store/layers/sha256/" + new string('0', 64)]));

        archive.Config = _ => { };
        Assert.Equal(6, _store.Load(archive.Save()).Layers.Count);
    }

    [Theory]
    [InlineData("../outside/layer.tar")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../b")]
    public void Manifest_that_names_a_layer_outside(string name)
    {
        HandMadeArchive archive = Archive();
        archive.Manifest = manifest => manifest[0]!["Layers"]![0] = name;
        Refused(archive.Save(), "layer 1", name, "outside of the archive");
    }

    [Fact]
    public void Manifest_that_names_a_missing_layer()
    {
        HandMadeArchive archive = Archive();
        archive.Manifest = manifest => manifest[0]!["Layers"]![0] = "blobs/sha256/abc";
        Refused(archive.Save(), "layer 1", "blobs/sha256/abc", "not in the archive");
    }

    [Fact]
    public void Manifest_that_names_a_directory_as_layer()
    {
        HandMadeArchive archive = Archive();
        archive.Manifest = manifest => manifest[0]!["Layers"]![0] = new string('0', 64);
        Refused(archive.Save(), "layer 1", "no file");
    }

    [Theory]
    [InlineData("loop/layer.tar", "leads nowhere")]
    [InlineData("away/layer.tar", "outside of the archive")]
    [InlineData("absolute/layer.tar", "outside of the archive")]
    public void Layer_that_is_a_bad_link(string name, string message)
    {
        HandMadeArchive archive = Archive();
        archive.Change("mkdir loop away absolute; ln -s layer.tar loop/layer.tar; ln -s ../../x away/layer.tar; ln -s /etc/passwd absolute/layer.tar");
        archive.Manifest = manifest => manifest[0]!["Layers"]![0] = name;
        Refused(archive.Save(), "layer 1", message);
    }

    [Fact]
    public void Manifest_that_names_a_missing_config()
    {
        HandMadeArchive archive = Archive();
        archive.Manifest = manifest => manifest[0]!["Config"] = "nobody.json";
        Refused(archive.Save(), "the config", "nobody.json", "not in the archive");
    }

    [Theory]
    [InlineData("{", "not the JSON")]
    [InlineData("not json", "not the JSON")]
    [InlineData("{\"a\":1}", "not the JSON")]
    [InlineData("[]", "lists no image")]
    [InlineData("null", "lists no image")]
    [InlineData("[null]", "image 0: everything is missing")]
    [InlineData("[{\"Layers\":[]}]", "image 0: Config is missing")]
    [InlineData("[{\"Config\":\"config.json\"}]", "image 0: Layers is missing")]
    [InlineData("[{\"Config\":\"config.json\",\"Layers\":[null]}]", "a layer's name is missing")]
    [InlineData("[{\"Config\":5,\"Layers\":[]}]", "not the JSON")]
    public void Manifest_that_is_wrong(string json, string message)
    {
        HandMadeArchive archive = Archive();
        archive.Save();
        archive.Change($"cat > manifest.json <<'end'\n{json}\nend\n");
        archive.Manifest = manifest => manifest.Clear();
        Refused("docker-archive:" + archive.Save(), "manifest.json", message);
    }

    [Fact]
    public void Config_that_is_not_json()
    {
        HandMadeArchive archive = Archive();
        archive.Change("echo 'nonsense {' > bad.json");
        archive.Manifest = manifest => manifest[0]!["Config"] = "bad.json";
        Refused(archive.Save(), "config", "not the JSON");
    }

    [Fact]
    public void Config_whose_name_is_another_digest()
    {
        HandMadeArchive archive = Archive();
        string name = new string('a', 64) + ".json";
        archive.Change($"echo '{{}}' > {name}");
        archive.Manifest = manifest => manifest[0]!["Config"] = name;
        Refused(archive.Save(), name, "not its name");
    }

    [Fact]
    public void Huge_json()
    {
        HandMadeArchive archive = Archive();
        archive.Change("head -c 5000000 /dev/zero > huge.json");
        archive.Manifest = manifest => manifest[0]!["Config"] = "huge.json";
        Refused(archive.Save(), "huge.json", "5000000 bytes");
    }

    [Theory]
    [InlineData("{\"diff_ids\":[]}", "0 layers", "the manifest 1")]
    [InlineData("{\"diff_ids\":[\"sha256:ABC\"]}", "sha256:ABC", "no digest")]
    [InlineData("{\"diff_ids\":[\"md5:d41d8cd98f00b204e9800998ecf8427e\"]}", "md5:", "no digest")]
    [InlineData("{\"diff_ids\":[\"sha256:../../../../../../../../../../../../../../../../../../../../../etc/x\"]}", "no digest")]
    [InlineData("{\"diff_ids\":[null]}", "no digest")]
    [InlineData("{}", "no rootfs.diff_ids")]
    [InlineData("null", "no rootfs.diff_ids")]
    [InlineData("5", "not the JSON")]
    public void Config_with_wrong_layers(string rootfs, params string[] words)
    {
        HandMadeArchive archive = Archive();
        archive.Config = config => config["rootfs"] = JsonNode.Parse(rootfs);
        Refused(archive.Save(), words);
    }

    [Fact]
    public void Config_with_a_nul_in_an_argument()
    {
        HandMadeArchive archive = Archive();
        archive.Config = config => config["config"]!["Cmd"] = new JsonArray("sh\0-c");
        Refused(archive.Save(), "Cmd", "NUL");
    }
}
