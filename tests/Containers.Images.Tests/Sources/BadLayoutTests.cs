using System.Text.Json.Nodes;
using Xunit;

namespace Containers.Tests.Images.Sources;

/// <summary>Layouts that are wrong in all ways, and the one clear error that each gives. The store has nothing of them.</summary>
public sealed class BadLayoutTests : IClassFixture<SampleImage>, IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly SampleImage _sample;
    private readonly ImageStore _store;
    private readonly string _layout;

    public BadLayoutTests(SampleImage sample)
    {
        Requires.Owners();
        _sample = sample;
        _store = new ImageStore(_directory["store"]);
        _layout = _directory["layout"];
        Tool.Run("cp", "-a", sample.Layout, _layout);
    }

    public void Dispose() => _directory.Dispose();

    private string Index => $"{_layout}/index.json";

    private string ManifestPath => Blob((string)JsonNode.Parse(File.ReadAllText(Index))!["manifests"]![0]!["digest"]!);

    private string Blob(string digest) => $"{_layout}/blobs/sha256/{digest[7..]}";

    /// <summary>Changes the manifest and what refers to it.</summary>
    private void ChangeManifest(Action<JsonNode> change)
    {
        JsonNode manifest = JsonNode.Parse(File.ReadAllText(ManifestPath))!;
        change(manifest);
        string text = manifest.ToJsonString();
        string digest = SampleImage.AddBlob(_layout, text);
        LayoutTests.Change(Index, index => (index["manifests"]![0]!["digest"], index["manifests"]![0]!["size"]) = (digest, text.Length));
    }

    private void Refused(params string[] words)
    {
        ImageException exception = Assert.Throws<ImageException>(() => _store.Load($"oci:{_layout}"));
        Assert.All(words, word => Assert.Contains(word, exception.Message, StringComparison.Ordinal));
        string layers = _directory["store/layers/sha256"];
        Assert.All(Directory.Exists(layers) ? Directory.GetDirectories(layers) : [], layer => Assert.True(File.Exists(layer + "/layer.json")));
        Assert.Empty(Directory.Exists(_directory["store/work"]) ? Directory.EnumerateFileSystemEntries(_directory["store/work"]) : []);
    }

    [Fact]
    public void Changed_layer_is_refused()
    {
        string layer = (string)JsonNode.Parse(File.ReadAllText(ManifestPath))!["layers"]![2]!["digest"]!;
        Tool.Bash($"printf X | dd of={Blob(layer)} bs=1 seek=1000000 conv=notrunc status=none");
        Refused("layer 3", layer, "has the digest", "changed or damaged");
        Assert.False(Directory.Exists($"{_store.Path}/layers/sha256/{_sample.Expected.Layers[2].DiffId[7..]}"));
    }

    [Theory]
    [InlineData("truncate -s -1 {0}", "ends after")]
    [InlineData("truncate -s 0 {0}", "ends after 0 bytes")]
    [InlineData("printf x >> {0}", "is longer than")]
    [InlineData("rm {0}", "is not there")]
    [InlineData("rm {0}; mkfifo {0}", "is not there")]
    [InlineData("rm {0}; mkdir {0}", "is not there")]
    public void Layer_of_another_length_is_refused(string change, string message)
    {
        string layer = (string)JsonNode.Parse(File.ReadAllText(ManifestPath))!["layers"]![1]!["digest"]!;
        Tool.Bash(string.Format(null, change, Blob(layer)));
        Refused("layer 2", message);
    }

    [Fact]
    public void Layer_that_is_another_than_the_config_says_is_refused()
    {
        ChangeManifest(manifest => manifest["layers"]![1] = manifest["layers"]![3]!.DeepClone());
        Refused("layer 2 of 4 has the digest", _sample.Expected.Layers[3].DiffId, "the config expects " + _sample.Expected.Layers[1].DiffId);
    }

    [Fact]
    public void Changed_manifest_is_refused()
    {
        Tool.Bash($"printf ' ' | dd of={ManifestPath} bs=1 seek=1 conv=notrunc status=none");
        Refused("a manifest", "has the digest");
    }

    [Fact]
    public void Changed_config_is_refused()
    {
        string config = Blob((string)JsonNode.Parse(File.ReadAllText(ManifestPath))!["config"]!["digest"]!);
        Tool.Bash($"sed -i 's/linux/minix/' {config}");
        Refused("the config", "has the digest");
    }

    public static TheoryData<string, string> Manifests => new()
    {
        { """m["layers"][0]["urls"]=["http://127.0.0.1:1/layer"]""", "layer 1" },
        { """m["layers"][0]["mediaType"]="application/vnd.oci.image.layer.v1.tar+gzip+encrypted" """, "which is no layer" },
        { """m["layers"][0]["mediaType"]=None""", "which is no layer" },
        { """m["layers"][0]["digest"]="sha512:"+"0"*128""", "none that can be verified" },
        { """m["layers"][0]["digest"]="sha256:../../../../etc/passwd" """, "none that can be verified" },
        { """m["layers"][0]["size"]=-1""", "the size of layer 1 is -1" },
        { """m["layers"][0]["size"]="x" """, "not the JSON" },
        { """m["layers"][0]=None""", "an entry that is null" },
        { """del m["layers"][0]""", "the config lists 4 layers (rootfs.diff_ids) and the manifest 3" },
        { """m["config"]["mediaType"]="application/vnd.cncf.helm.config.v1+json" """, "no image but an artifact of the type application/vnd.cncf.helm.config.v1+json" },
        { """m["config"]["size"]=1<<40""", "are the most that make sense" },
        { """del m["config"]""", "the manifest has no config" },
        { """m["layers"]=None""", "the manifest has no layers" },
        { """m["manifests"]=[]""", "a manifest and an index at once" },
        { """m["schemaVersion"]=1""", "docker's first schema" },
        { """m["mediaType"]="application/vnd.docker.distribution.manifest.v2+json" """, "what refers to it says" },
    };

    [Theory]
    [MemberData(nameof(Manifests))]
    public void Manifest_that_cannot_be_used_is_refused(string change, string message)
    {
        Requires.Tools("python3");
        ChangeManifest(manifest =>
        {
            File.WriteAllText(_directory["m.json"], manifest.ToJsonString());
            string changed = Tool.Run("python3", "-c", $"import json\nm=json.load(open('{_directory["m.json"]}'))\n{change}\nprint(json.dumps(m))");
            JsonObject target = manifest.AsObject();
            target.Clear();
            foreach ((string key, JsonNode? value) in JsonNode.Parse(changed)!.AsObject().ToArray())
            {
                target[key] = value?.DeepClone();
            }
        });
        Refused(message);
    }

    [Theory]
    [InlineData("oci-layout", "", "not the JSON")]
    [InlineData("oci-layout", "{\"imageLayoutVersion\":\"2.0\"}", "the layout's version is 2.0")]
    [InlineData("index.json", "[]", "not the JSON")]
    [InlineData("index.json", "{}", "lists no manifests")]
    [InlineData("index.json", "{\"schemaVersion\":2,\"manifests\":[]}", "there is no image for linux/")]
    [InlineData("index.json", "{\"schemaVersion\":2,\"manifests\":[{}]}", "none that can be verified")]
    public void Layout_that_is_none_is_refused(string file, string content, string message)
    {
        File.WriteAllText($"{_layout}/{file}", content);
        Refused(message);
    }

    [Fact]
    public void What_is_not_there_is_said()
    {
        Assert.Contains("It has: 1.", Assert.Throws<ImageException>(() => _store.Load($"oci:{_layout}:nobody")).Message, StringComparison.Ordinal);
        Assert.Contains("there is nothing at", Assert.Throws<ImageException>(() => _store.Load($"oci:{_directory["nowhere"]}")).Message, StringComparison.Ordinal);
        Assert.Contains("this is a directory", Assert.Throws<ImageException>(() => _store.Load($"oci-archive:{_layout}")).Message, StringComparison.Ordinal);
        Assert.Contains("this is a file", Assert.Throws<ImageException>(() => _store.Load($"oci:{Index}")).Message, StringComparison.Ordinal);
        Assert.Contains("there is no index.json", Assert.Throws<ImageException>(() => _store.Load($"oci:{_layout}/blobs")).Message, StringComparison.Ordinal);
        Assert.Contains("there is no manifest.json", Assert.Throws<ImageException>(() => _store.Load($"dir:{_layout}")).Message, StringComparison.Ordinal);
    }
}
