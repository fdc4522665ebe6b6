using Containers.Layers;
using Xunit;

namespace Containers.Tests.Layers;

/// <summary>Maps of sparse files that lie. (The right ones are in <see cref="PeersTests"/>, against GNU tar.)</summary>
public sealed class SparseTests : IClassFixture<HostState>
{
    private static string Refused(TarWriter tar) => Unpacking.Refused(tar.End()).Message;

    private static TarWriter Map(string map, string size, int data = 10)
        => new TarWriter().Pax(("GNU.sparse.major", "0"), ("GNU.sparse.size", size), ("GNU.sparse.map", map)).Add("f", new byte[data]);

    [Fact]
    public void A_map_that_is_right_makes_holes_and_data()
    {
        using TestDirectory directory = new();
        Unpacking.Unpack(new TarWriter().Pax(("GNU.sparse.size", "1000000"), ("GNU.sparse.map", "5,3,900000,2,1000000,0"), ("GNU.sparse.name", "real")).Add("f", data: "abcde").End(), directory["root"]);
        byte[] content = File.ReadAllBytes(directory["root/real"]);
        Assert.Equal(1_000_000, content.Length);
        Assert.Equal("abc"u8, content.AsSpan(5, 3));
        Assert.Equal("de"u8, content.AsSpan(900_000, 2));
        Assert.Contains("with holes", Unpacking.Line(directory["root"], "real"), StringComparison.Ordinal);
    }

    [Fact]
    public void Lies_are_refused()
    {
        Assert.Contains("begins before", Refused(Map("10,5,0,5", "100")), StringComparison.Ordinal);
        Assert.Contains("begins before", Refused(Map("0,6,5,4", "100")), StringComparison.Ordinal);
        Assert.Contains("in a file of 12 bytes", Refused(Map("5,10", "12")), StringComparison.Ordinal);
        Assert.Contains("9 bytes together and 10 bytes", Refused(Map("0,9", "100")), StringComparison.Ordinal);
        Assert.Contains("11 bytes together and 10 bytes", Refused(Map("0,11", "100")), StringComparison.Ordinal);
        Assert.Contains("sparse part at 9223372036854775807", Refused(Map("9223372036854775807,10", "100")), StringComparison.Ordinal);
        Assert.Contains("does not say its size", Refused(new TarWriter().Pax(("GNU.sparse.map", "0,1")).Add("f", data: "x")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_size_beyond_the_file_system_is_the_kernels_error()
    {
        using TestDirectory directory = new();
        Directory.CreateDirectory(directory["root"]);
        LayerUnpackOptions options = new() { Limits = new UnpackLimits { MaximumFileSize = long.MaxValue } };
        KernelException exception = Assert.Throws<KernelException>(() => LayerUnpacker.Unpack(new MemoryStream(Map("0,10", "9000000000000000000").End()), directory["root"], options));
        Assert.Equal(Errno.EFBIG, exception.Errno);
    }

    [Theory]
    [InlineData("x\n")]
    [InlineData("1\n0\n")]
    [InlineData("\n")]
    [InlineData("9999999999999999999999\n")]
    [InlineData("99999999\n")]
    [InlineData("-1\n")]
    [InlineData("1\n0\n4000\n")]
    public void Bad_maps_in_the_data_are_refused(string map)
        => Assert.Contains("sparse", Refused(new TarWriter().Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "5000")).Add("f", data: map.PadRight(512, '\0'))), StringComparison.Ordinal);

    [Fact]
    public void Bad_old_maps_are_refused()
    {
        TarWriter Old(string offset, string length, string real, bool more = false) => new TarWriter().Add("f", new byte[10], 'S', magic: "ustar  \0", change: header =>
        {
            TarWriter.Put(header, 386, 12, offset);
            TarWriter.Put(header, 398, 12, length);
            TarWriter.Put(header, 483, 12, real);
            header[482] = (byte)(more ? 1 : 0);
        });
        Assert.Contains("no numbers", Refused(Old("xyz", "00000000012", "00000001000")), StringComparison.Ordinal);
        Assert.Contains("in a file of 5 bytes", Refused(Old("00000000000", "00000000012", "00000000005")), StringComparison.Ordinal);
        Assert.Contains("1 bytes together", Refused(Old("00000000000", "00000000001", "00000001000")), StringComparison.Ordinal);
        Assert.Contains("size of -1", Refused(Old("00000000000", "00000000012", new string('\u00ff', 12))), StringComparison.Ordinal);
        byte[] endless = [.. Old("00000000000", "00000000012", "00000001000", more: true).End(0), .. Enumerable.Repeat((byte)'0', 5 << 20)];
        Assert.Contains("f", Unpacking.Refused(endless).Message, StringComparison.Ordinal);
    }
}
