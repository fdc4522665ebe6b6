using System.Text.Json.Nodes;
using Containers.Images.Manifests;
using Xunit;

namespace Containers.Tests.Images.Sources;

/// <summary>The choice among images for several machines.</summary>
public sealed class PlatformTests : IClassFixture<SampleImage>, IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly SampleImage _sample;

    public PlatformTests(SampleImage sample) => _sample = sample;

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("linux/amd64", "linux/arm64 linux/amd64", "linux/amd64")]
    [InlineData("linux/amd64/v3", "linux/amd64 linux/amd64/v2 linux/amd64/v3 linux/amd64/v4", "linux/amd64/v3")]
    [InlineData("linux/amd64/v1", "linux/amd64/v2 linux/amd64", "linux/amd64")]
    [InlineData("linux/amd64", "linux/amd64/v2", null)]
    [InlineData("linux/arm/v7", "linux/arm/v5 linux/arm/v6 linux/arm64/v8", "linux/arm/v6")]
    [InlineData("linux/arm/v6", "linux/arm/v7 linux/arm/v5", "linux/arm/v5")]
    [InlineData("linux/arm/v6", "linux/arm/v7", null)]
    [InlineData("linux/arm/v7", "linux/arm linux/arm/v6", "linux/arm")]
    [InlineData("linux/arm64", "linux/arm64", "linux/arm64")]
    [InlineData("linux/arm64", "linux/arm/v7 linux/arm64/v8", "linux/arm64/v8")]
    [InlineData("linux/arm64/v8", "linux/arm64/v9 linux/arm64", "linux/arm64")]
    [InlineData("linux/riscv64", "linux/riscv64", "linux/riscv64")]
    [InlineData("linux/ppc64le", "linux/ppc64 linux/s390x", null)]
    [InlineData("linux/amd64", "windows/amd64 unknown/unknown", null)]
    [InlineData("linux/amd64", "unknown/unknown linux/amd64", "linux/amd64")]
    [InlineData("linux/amd64", "linux/arm64 -", "-")]
    [InlineData("linux/amd64", "- linux/amd64", "linux/amd64")]
    public void Best_that_runs_is_chosen(string platform, string entries, string? chosen)
    {
        Descriptor[] index = [.. entries.Split(' ').Select((entry, i) => new Descriptor
        {
            MediaType = MediaTypes.OciManifest,
            Digest = $"sha256:{i:x64}",
            Platform = entry == "-" ? null : new PlatformDocument { Os = entry.Split('/')[0], Architecture = entry.Split('/')[1], Variant = entry.Split('/').ElementAtOrDefault(2) },
        })];
        if (chosen is null)
        {
            ImageException exception = Assert.Throws<ImageException>(() => PlatformChoice.Choose(index, ImagePlatform.Parse(platform), "here"));
            Assert.Contains($"here: there is no image for {platform}.", exception.Message, StringComparison.Ordinal);
            Assert.All(entries.Split(' ').Where(entry => entry != "unknown/unknown"), entry => Assert.Contains(entry, exception.Message, StringComparison.Ordinal));
        }
        else
        {
            Assert.Equal(index[Array.IndexOf(entries.Split(' '), chosen)].Digest, PlatformChoice.Choose(index, ImagePlatform.Parse(platform), "here").Digest);
        }
    }

    [Theory]
    [InlineData("linux")]
    [InlineData("linux/")]
    [InlineData("linux/a/b/c")]
    [InlineData("linux/a b")]
    public void Text_that_is_no_platform_is_refused(string text) => Assert.Throws<ImageException>(() => ImagePlatform.Parse(text));

    [Fact]
    public void Index_within_a_layout_is_followed_and_attestations_are_left_alone()
    {
        string layout = Indexed(depth: 2);
        Image image = new ImageStore(_directory["store"]).Load($"oci:{layout}");
        Assert.Equal(_sample.Expected.Id, image.Id);
    }

    [Fact]
    public void Indexes_within_each_other_without_end_are_refused()
        => Assert.Contains("indexes within each other", Assert.Throws<ImageException>(() => new ImageStore(_directory["store"]).Load($"oci:{Indexed(depth: 6)}")).Message, StringComparison.Ordinal);

    private string Indexed(int depth)
    {
        string layout = _directory["layout"];
        Tool.Run("cp", "-a", _sample.Layout, layout);
        LayoutTests.Change($"{layout}/index.json", root =>
        {
            JsonObject entry = root["manifests"]![0]!.DeepClone().AsObject();
            entry.Remove("annotations");
            entry["platform"] = new JsonObject { ["os"] = "linux", ["architecture"] = ImagePlatform.Host.Architecture };
            JsonObject attestation = entry.DeepClone().AsObject();
            attestation["platform"] = new JsonObject { ["os"] = "unknown", ["architecture"] = "unknown" };
            attestation["digest"] = "sha256:" + new string('0', 64);
            JsonArray entries = [attestation, entry];
            for (int i = 0; i < depth; i++)
            {
                string text = new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = MediaTypes.OciIndex, ["manifests"] = entries }.ToJsonString();
                entries = [new JsonObject { ["mediaType"] = MediaTypes.OciIndex, ["digest"] = SampleImage.AddBlob(layout, text), ["size"] = text.Length }];
            }

            root["manifests"] = entries;
        });
        return layout;
    }
}
