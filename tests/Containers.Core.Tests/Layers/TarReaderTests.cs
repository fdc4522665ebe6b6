using Containers.Layers;
using Xunit;
using Bcl = System.Formats.Tar;

namespace Containers.Tests.Layers;

/// <summary>What a header says, field by field, and what is wrong with a bad one.</summary>
public sealed class TarReaderTests : IClassFixture<HostState>
{
    private static List<string> Read(byte[] archive)
    {
        List<string> lines = [];
        using ArchiveInput input = new(new MemoryStream(archive));
        TarReader reader = new(input);
        while (reader.Next())
        {
            TarEntry entry = reader.Entry;
            lines.Add($"{entry.Type} {PathText.Show(entry.Path.Span)} {Convert.ToString(entry.Mode, 8)} {entry.Owner}:{entry.Group} {entry.Size} {entry.Modified.tv_sec}.{entry.Modified.tv_nsec:d9} [{PathText.Show(entry.Target.Span)}]");
        }

        return lines;
    }

    private static string One(byte[] archive) => Assert.Single(Read(archive));

    private static string Error(TarWriter tar) => Assert.Throws<LayerException>(() => Read(tar.End())).Message;

    [Theory]
    [InlineData("0000644", "644")]
    [InlineData("   644 ", "644")]
    [InlineData("644", "644")]
    [InlineData("00004755", "4755")]
    [InlineData("0100644", "644")]
    [InlineData("", "0")]
    public void Numbers_are_read_as_every_program_wrote_them(string mode, string expected)
        => Assert.StartsWith($"File f {expected} ", One(new TarWriter().Add("f", mode: mode).End()), StringComparison.Ordinal);

    [Theory]
    [InlineData("\u0080\0\0\0\u00ff\u00ff\u00ff\u00fe", "4294967294")]
    [InlineData("\u0080\0\0\0\0\0\u0001\0", "256")]
    public void Owners_may_be_in_base_256(string field, string expected)
        => Assert.Contains($" {expected}:0 ", One(new TarWriter().Add("f", uid: field).End()), StringComparison.Ordinal);

    [Theory]
    [InlineData("\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00fe", "-2.000000000")]
    [InlineData("\u0080\0\0\0\0\0\0\u0002\0\0\0\0", "8589934592.000000000")]
    [InlineData("777777777777", "68719476735.000000000")]
    public void Times_may_be_before_1970_and_after_2242(string field, string expected)
        => Assert.Contains($" {expected} ", One(new TarWriter().Add("f", mtime: field).End()), StringComparison.Ordinal);

    [Theory]
    [InlineData("1.5", "1.500000000")]
    [InlineData("-1.25", "-2.750000000")]
    [InlineData("-1", "-1.000000000")]
    [InlineData("-0.000000001", "-1.999999999")]
    [InlineData("-0.0000000001", "-1.999999999")]
    [InlineData("12.3456789019", "12.345678901")]
    [InlineData("3.", "3.000000000")]
    public void Pax_times_have_fractions_and_signs(string value, string expected)
        => Assert.Contains($" {expected} ", One(new TarWriter().Pax(("mtime", value)).Add("f").End()), StringComparison.Ordinal);

    [Fact]
    public void Names_come_from_prefix_long_name_and_pax_in_that_order()
    {
        Assert.StartsWith("File p/q/f ", One(new TarWriter().Add("f", prefix: "p/q").End()), StringComparison.Ordinal);
        Assert.StartsWith("File f ", One(new TarWriter().Add("f", prefix: "p/q", magic: "ustar  \0").End()), StringComparison.Ordinal);
        Assert.StartsWith("File long ", One(new TarWriter().LongName("long").Add("f", prefix: "p").End()), StringComparison.Ordinal);
        Assert.StartsWith("File pax ", One(new TarWriter().LongName("long").Pax(("path", "pax")).Add("f").End()), StringComparison.Ordinal);
        Assert.StartsWith("File f ", One(new TarWriter().Pax('g', ("path", "global")).Pax(("path", "")).Add("f").End()), StringComparison.Ordinal);
        string full = new('x', 155);
        Assert.StartsWith($"File {full}/{full[..40]}", One(new TarWriter().Add(new string('x', 100), prefix: full).End()).Replace("…", "x"), StringComparison.Ordinal);
        Assert.EndsWith("[to]", One(new TarWriter().LongName("to", 'K').Symlink("l", "x").End()), StringComparison.Ordinal);
        Assert.EndsWith("[pax]", One(new TarWriter().Pax(("linkpath", "pax")).Symlink("l", "x").End()), StringComparison.Ordinal);
    }

    [Fact]
    public void Stars_prefix_ends_before_its_times()
        => Assert.StartsWith($"File {new string('p', 131)}/f ", One(new TarWriter().Add("f", prefix: new string('p', 131) + "00000000000 ", change: header => TarWriter.Put(header, 508, 4, "tar\0")).End()), StringComparison.Ordinal);

    [Fact]
    public void A_global_header_holds_until_another_says_otherwise()
    {
        List<string> lines = Read(new TarWriter().Pax('g', ("uid", "7"), ("comment", "x")).Add("a").Pax(("uid", "8")).Add("b").Add("c").Pax('g', ("uid", "9")).Add("d").End());
        Assert.Equal(["7", "8", "7", "9"], lines.Select(line => line.Split(' ')[3].Split(':')[0]));
    }

    [Fact]
    public void A_bytewise_checksum_may_be_signed()
    {
        TarWriter tar = new TarWriter().Add("n\u00e4me", changeAfterChecksum: header =>
        {
            header.AsSpan(148, 8).Fill((byte)' ');
            TarWriter.Put(header, 148, 8, Convert.ToString(header.Sum(value => (sbyte)value), 8).PadLeft(6, '0') + "\0 ");
        });
        Assert.StartsWith("File n\\xe4me ", One(tar.End()), StringComparison.Ordinal);
    }

    [Fact]
    public void Only_files_have_data()
        => Assert.Equal(7, Read(new TarWriter().Add("l", '2', link: "x", size: "00000001000").Add("h", '1', link: "l", size: "00000001000").Directory("d").Add("d2", '5', size: "00000001000")
            .Add("f", data: "x").Add("D", 'D', "names").Add("old/").End()).Count);

    [Fact]
    public void A_volume_label_is_no_entry() => Assert.StartsWith("File f", One(new TarWriter().Add("label", 'V').Add("f").End()), StringComparison.Ordinal);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(20)]
    public void The_end_may_be_missing_or_long(int zeroBlocks) => Assert.Single(Read(new TarWriter().Add("f", data: "x").End(zeroBlocks)));

    [Fact]
    public void What_follows_the_end_is_hashed_and_not_read()
    {
        using TestDirectory directory = new();
        byte[] archive = [.. new TarWriter().Add("f").End(), .. "garbage"u8];
        LayerContent content = Unpacking.Unpack(archive, directory["root"]);
        Assert.Equal(archive.Length, content.ArchiveLength);
        Assert.Equal("sha256:" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(archive)), content.DiffId);
    }

    [Fact]
    public void Bad_headers_are_named_with_their_place()
    {
        TarWriter Before() => new TarWriter().Add("fine", data: "x");
        Assert.Contains("\"f\" at byte 1024 has \"9\" for its mode", Error(Before().Add("f", mode: "9")), StringComparison.Ordinal);
        Assert.Contains("at byte 1024", Error(Before().Add("f", changeAfterChecksum: header => header[0] = (byte)'g')), StringComparison.Ordinal);
        Assert.Contains("wrong checksum", Error(Before().Add("f", changeAfterChecksum: header => header[150] = (byte)'x')), StringComparison.Ordinal);
        Assert.Contains("size of -1", Error(Before().Add("f", size: new string('\u00ff', 12))), StringComparison.Ordinal);
        Assert.Contains("size of 9223372036854775807", Error(Before().Add("f", size: "\u0080\0\0\0\u007f" + new string('\u00ff', 7))), StringComparison.Ordinal);
        Assert.Contains("for its size", Error(Before().Add("f", size: "\u0080\u0001" + new string('\0', 10))), StringComparison.Ordinal);
        Assert.Contains("owner -1", Error(Before().Add("f", uid: new string('\u00ff', 8))), StringComparison.Ordinal);
        Assert.Contains("owner 4294967295", Error(Before().Pax(("uid", "4294967295")).Add("f")), StringComparison.Ordinal);
        Assert.Contains("type that is not known, 'Z'", Error(Before().Add("f", 'Z')), StringComparison.Ordinal);
        Assert.Contains("another volume", Error(Before().Add("f", 'M')), StringComparison.Ordinal);
        Assert.Contains("link to nothing", Error(Before().Add("f", '2')), StringComparison.Ordinal);
        Assert.Contains("device number", Error(Before().Add("f", '3', major: "7777777")), StringComparison.Ordinal);
        Assert.Contains("no name", Error(Before().Add("")), StringComparison.Ordinal);
        Assert.Contains("nothing behind it", Error(Before().Pax(("path", "x"))), StringComparison.Ordinal);
        Assert.Contains("limit", Error(Before().Add("x", 'x', size: "00777777777")), StringComparison.Ordinal);
        Assert.Contains("limit", Error(Before().Add("x", 'L', size: "00777777777")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("5 a=b\n")]
    [InlineData("7 a=b\n")]
    [InlineData("6 a=bX")]
    [InlineData("a=b\n")]
    [InlineData("-6 a=b\n")]
    [InlineData("99999999999999999999 a=b\n")]
    [InlineData("2147483648 a=b\n")]
    [InlineData("6 abc\n")]
    [InlineData("6 =bc\n")]
    [InlineData("0 a=b\n")]
    [InlineData("3 \n")]
    [InlineData("11 uid=-10\n")]
    [InlineData("12 size=1x2\n")]
    [InlineData("15 mtime=1.2.3\n")]
    [InlineData("12 path=a\0b\n")]
    [InlineData("26 GNU.sparse.numbytes=1\n")]
    [InlineData("22 GNU.sparse.map=1,2,3\n")]
    [InlineData("20 SCHILY.xattr.=abc\n")]
    [InlineData("26 LIBARCHIVE.xattr.a=!!!!\n")]
    public void Bad_pax_records_are_errors(string records)
    {
        string message = Error(new TarWriter().RawPax(records).Add("f"));
        Assert.Contains("extended header", message, StringComparison.Ordinal);
        Assert.Contains("at byte 0", message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_archive_cut_anywhere_in_an_entry_is_an_error()
    {
        byte[] archive = new TarWriter().Pax(("mtime", "1.5")).Add("file", data: new string('x', 700)).End(0);
        for (int cut = 1; cut < archive.Length; cut += 7)
        {
            LayerException exception = Assert.Throws<LayerException>(() => Read(archive[..cut]));
            Assert.True(exception.Message.Contains("cut off", StringComparison.Ordinal) || exception.Message.Contains("no tar", StringComparison.Ordinal)
                || exception.Message.Contains("nothing behind it", StringComparison.Ordinal), exception.Message);
        }
    }

    [Fact]
    public void Binary_attributes_arrive_as_they_are()
    {
        Requires.Root();
        using TestDirectory directory = new();
        string value = "\0\n=\u00ff%25 \n12 a=b\n\0";
        Unpacking.Unpack(new TarWriter().Pax(("SCHILY.xattr.user.bin", value), ("LIBARCHIVE.xattr.user.b%3d64", "AAo"), ("SCHILY.xattr.user.a%3Db%25", "")).Add("f").End(), directory["root"]);
        Assert.EndsWith($" [user.a=b%=] [user.b=64=000a] [user.bin={Convert.ToHexStringLower(TarWriter.Latin1(value))}]", Unpacking.Line(directory["root"], "f"), StringComparison.Ordinal);
    }

    /// <summary>The BCL's reader is right about the names, types, modes, owners and sizes of what it accepts.</summary>
    [Theory]
    [InlineData("posix")]
    [InlineData("gnu")]
    [InlineData("ustar")]
    [InlineData("v7")]
    public void The_bcls_reader_sees_the_same(string format)
    {
        using TestDirectory directory = new();
        Tool.Bash($"mkdir '{directory["t"]}' && cd '{directory["t"]}' && mkdir -p d/e && echo x > d/f && ln d/f h && ln -s d s && printf %700s y > $(printf 'n%.0s' $(seq 90)) && tar --format={format} --sort=name -cf ../a.tar .");
        byte[] archive = File.ReadAllBytes(directory["a.tar"]);
        List<string> expected = [];
        using Bcl.TarReader reader = new(new MemoryStream(archive));
        while (reader.GetNextEntry() is { } entry)
        {
            string type = entry.EntryType switch
            {
                Bcl.TarEntryType.V7RegularFile or Bcl.TarEntryType.RegularFile => "File",
                Bcl.TarEntryType.SymbolicLink => "SymbolicLink",
                Bcl.TarEntryType.HardLink => "HardLink",
                _ => "Directory",
            };
            expected.Add($"{type} {entry.Name} {Convert.ToString((int)entry.Mode, 8)} {entry.Uid}:{entry.Gid} {(type == "File" ? entry.Length : 0)} {entry.ModificationTime.ToUnixTimeSeconds()} [{entry.LinkName}]");
        }

        Assert.Equal(expected, Read(archive).Select(line => System.Text.RegularExpressions.Regex.Replace(line, @"\.\d{9} \[", " [")));
    }
}
