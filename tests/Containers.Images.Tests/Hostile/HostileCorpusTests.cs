using System.IO.Compression;
using System.Security.Cryptography;
using Containers.Layers;
using Containers.Tests.Layers;
using Xunit;

namespace Containers.Tests.Hostile;

/// <summary>Every hostile layer of the corpus: nothing outside of the root changes, nothing refused stays, and there is one clear error.</summary>
[Trait("here", "yes")]
public sealed class HostileCorpusTests : IClassFixture<HostState>
{
    // Where an ordinary user has no device to find, and what is closed to all, which the listing has to read.
    private static readonly string[] s_ofRoot = ["entry: a file below a device", "link: a device through it", "entry: the root closed to all", "entry: a directory closed to all, then files in it"];

    public static TheoryData<string> Names => [.. HostileArchive.All.Select(archive => archive.Name)];

    [Fact]
    public void Corpus_is_large() => Assert.InRange(HostileArchive.All.DistinctBy(archive => archive.Name).Count(), 60, int.MaxValue);

    [Theory]
    [MemberData(nameof(Names))]
    public void Layer_is_unpacked_inside_or_refused(string name)
    {
        Need(name);
        HostileArchive archive = HostileArchive.All.Single(archive => archive.Name == name);
        using TestDirectory directory = new();
        File.WriteAllText(directory["canary"], "as before");
        Directory.CreateDirectory(directory["etc"]);
        Directory.CreateDirectory(directory["root"]);
        IReadOnlyList<string> before = Unpacking.Outside(directory);
        byte[] bytes = archive.Bytes(directory["canary"]);

        Exception? thrown = Record.Exception(() => LayerUnpacker.Unpack(new MemoryStream(bytes), directory["root"], new LayerUnpackOptions { Limits = HostileArchive.Limits }));

        Assert.Equal(before, Unpacking.Outside(directory));
        Assert.Equal("as before", File.ReadAllText(directory["canary"]));
        CheckError(archive, thrown);
        if (archive.Refused is null)
        {
            IReadOnlyList<string> tree = TreeListing.Of(directory["root"], times: false);
            Assert.All(archive.Expect, line => Assert.Contains(tree, found => found.StartsWith(line, StringComparison.Ordinal)));
            Assert.Contains(tree, line => line.StartsWith("./good/last file", StringComparison.Ordinal)); // it went on behind it
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Image_with_it_leaves_nothing_in_the_store(string name)
    {
        Need(name);
        HostileArchive archive = HostileArchive.All.Single(archive => archive.Name == name);
        using TestDirectory directory = new();
        File.WriteAllText(directory["canary"], "as before");
        byte[] layer = archive.Bytes(directory["canary"]);
        ImageStore store = new(directory["store"], HostileArchive.Limits);
        File.WriteAllBytes(directory["image.tar"], DockerArchive(layer));

        Exception? thrown = Record.Exception(() => store.Load("docker-archive:" + directory["image.tar"]));

        CheckError(archive, thrown);
        Assert.Equal("as before", File.ReadAllText(directory["canary"]));
        Assert.Empty(Directory.EnumerateFileSystemEntries(directory["store/work"]));
        if (archive.Refused is not null)
        {
            Assert.Contains("image.tar", thrown!.Message, StringComparison.Ordinal);
            Assert.Empty(Directory.EnumerateFileSystemEntries(directory["store/layers/sha256"]));
            Assert.Empty(Directory.EnumerateFileSystemEntries(directory["store/images/sha256"]));
        }
    }

    private static void Need(string name)
    {
        Requires.Owners();
        Requires.Tools("zstd", "xz");
        if (s_ofRoot.Contains(name))
        {
            Requires.Root();
        }
    }

    private static void CheckError(HostileArchive archive, Exception? thrown)
    {
        if (archive.Refused is null)
        {
            Assert.True(thrown is null, thrown?.Message);
            return;
        }

        ContainerException error = Assert.IsAssignableFrom<ContainerException>(thrown);
        Assert.True(error.Message.Contains(archive.Refused, StringComparison.Ordinal), error.Message);
        Assert.InRange(error.Message.Length, 20, 1500); // a name of megabytes is not repeated
    }

    private static byte[] DockerArchive(byte[] layer)
    {
        string config = "{\"architecture\":\"" + (System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64")
            + "\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" + DiffId(layer) + "\"]}}";
        return new TarWriter().Add("manifest.json", data: "[{\"Config\":\"config.json\",\"RepoTags\":[\"hostile:1\"],\"Layers\":[\"layer.tar\"]}]").Add("config.json", data: config).Add("layer.tar", layer).End();
    }

    // What the config says of it is right: it is the layer itself that has to be refused.
    private static string DiffId(byte[] layer)
    {
        if (layer is not [0x1f, 0x8b, ..])
        {
            return "sha256:" + Convert.ToHexStringLower(SHA256.HashData(layer));
        }

        using GZipStream gzip = new(new MemoryStream(layer), CompressionMode.Decompress);
        return "sha256:" + Convert.ToHexStringLower(SHA256.HashData(gzip));
    }
}
