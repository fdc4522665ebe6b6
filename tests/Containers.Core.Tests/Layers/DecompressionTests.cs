using System.IO.Compression;
using System.Security.Cryptography;
using Containers.Layers;
using Xunit;

namespace Containers.Tests.Layers;

public sealed class DecompressionTests : IClassFixture<HostState>
{
    private static readonly byte[] s_tar = new TarWriter().Add("random", RandomNumberGenerator.GetBytes(600_000)).Add("zeros", new byte[900_000]).Add("small", data: "x").End();

    public static TheoryData<string, string> Programs => new() { { "gzip", "-c" }, { "gzip", "-9c" }, { "zstd", "-qc" }, { "zstd", "-q19c" }, { "xz", "-T1 -1c" }, { "xz", "-T2 --block-size=100000 -c" }, { "cat", "" } };

    [Theory]
    [MemberData(nameof(Programs))]
    public void An_archive_is_recognised_and_unpacked(string program, string options)
    {
        using TestDirectory directory = new();
        LayerContent content = Unpacking.Unpack(Compress(directory, s_tar, program, options), directory["root"]);
        AssertWhole(directory, content);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("xz")]
    public void Compressed_data_in_several_members_is_one_archive(string program)
    {
        using TestDirectory directory = new();
        foreach (int cut in new[] { 1, 511, 512, 300_000, s_tar.Length - 1 })
        {
            byte[] archive = [.. Compress(directory, s_tar[..cut], program, "-c"), .. Compress(directory, s_tar[cut..], program, "-c")];
            AssertWhole(directory, Unpacking.Unpack(archive, directory["root" + cut]));
        }
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("xz")]
    public void Cut_compressed_data_is_an_error_wherever_it_is_cut(string program)
    {
        using TestDirectory directory = new();
        // What is cut off behind the tar's end can only be missed by looking at the compressed data itself.
        byte[] archive = [.. Compress(directory, s_tar, program, "-c"), .. Compress(directory, new byte[100_000], program, "-c")];
        int first = Compress(directory, s_tar, program, "-c").Length;
        int[] cuts = [7, 100, 400_000, first - 9, first - 8, first - 4, first - 1, first + 1, first + 5, first + 11, archive.Length - 9, archive.Length - 8, archive.Length - 4, archive.Length - 1];
        int count = 0;
        foreach (int cut in cuts)
        {
            LayerException exception = Assert.Throws<LayerException>(() => Unpacking.Unpack(archive[..cut], directory["root" + count++]));
            Assert.Contains(program, exception.Message, StringComparison.Ordinal);
            Assert.Contains("cut off", exception.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("xz")]
    public void Damaged_compressed_data_is_an_error(string program)
    {
        using TestDirectory directory = new();
        byte[] archive = Compress(directory, s_tar, program, "-c");
        int count = 0;
        foreach (int at in new[] { 50_000, 300_000, archive.Length - 7 })
        {
            byte[] damaged = [.. archive];
            damaged[at] ^= 0x10;
            Assert.Throws<LayerException>(() => Unpacking.Unpack(damaged, directory["root" + count++]));
        }
    }

    [Fact]
    public void Zeros_behind_gzip_and_xz_data_are_padding()
    {
        using TestDirectory directory = new();
        AssertWhole(directory, Unpacking.Unpack([.. Compress(directory, s_tar, "gzip", "-c"), .. new byte[1000]], directory["g"]));
        AssertWhole(directory, Unpacking.Unpack([.. Compress(directory, s_tar, "xz", "-c"), .. new byte[1000]], directory["x"]));
    }

    [Fact]
    public void Formats_that_are_not_read_are_named()
    {
        Assert.Contains("bzip2", Unpacking.Refused([.. "BZh91AY&SY"u8, .. new byte[50]]).Message, StringComparison.Ordinal);
        Assert.Contains("zip", Unpacking.Refused([.. "PK\u0003\u0004"u8, .. new byte[600]]).Message, StringComparison.Ordinal);
        Assert.Contains("empty", Unpacking.Refused([]).Message, StringComparison.Ordinal);
        Assert.Contains("no tar", Unpacking.Refused([.. new byte[200].Select(_ => (byte)'x')]).Message, StringComparison.Ordinal);
        Assert.Contains("no tar", Unpacking.Refused([.. new byte[2000].Select(_ => (byte)'x')]).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_of_the_callers_stream_is_told_as_it_is()
    {
        using TestDirectory directory = new();
        Directory.CreateDirectory(directory["root"]);
        using GZipStream broken = new(new MemoryStream([1, 2, 3]), CompressionMode.Decompress);
        LayerException exception = Assert.Throws<LayerException>(() => LayerUnpacker.Unpack(broken, directory["root"], new LayerUnpackOptions(), TestContext.Current.CancellationToken));
        Assert.IsType<InvalidDataException>(exception.InnerException);
    }

    [Fact]
    public void Cancellation_ends_it_between_two_entries()
    {
        using TestDirectory directory = new();
        Directory.CreateDirectory(directory["root"]);
        using CancellationTokenSource cancelled = new();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => LayerUnpacker.Unpack(new MemoryStream(s_tar), directory["root"], new LayerUnpackOptions(), cancelled.Token));
        Assert.Empty(Directory.GetFileSystemEntries(directory["root"]));
    }

    private static void AssertWhole(TestDirectory _, LayerContent content)
    {
        Assert.Equal("sha256:" + Convert.ToHexStringLower(SHA256.HashData(s_tar)), content.DiffId);
        Assert.Equal(s_tar.Length, content.ArchiveLength);
        Assert.Equal(3, content.Entries);
    }

    private static byte[] Compress(TestDirectory directory, byte[] data, string program, string options)
    {
        Requires.Tools(program);
        File.WriteAllBytes(directory["data"], data);
        Tool.Bash($"{program} {options} < '{directory["data"]}' > '{directory["compressed"]}'");
        return File.ReadAllBytes(directory["compressed"]);
    }
}
