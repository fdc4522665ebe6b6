using System.Text;
using Containers.Layers;
using Xunit;

namespace Containers.Tests.Layers;

public sealed class WhiteoutTests : IClassFixture<HostState>
{
    private const string Device = "char 0 0:0 0:0";
    private const string Opaque = "[trusted.overlay.opaque=79]";

    public WhiteoutTests() => Requires.Root();

    [Fact]
    public void A_whiteout_becomes_a_device_and_is_listed()
    {
        using TestDirectory directory = new();
        LayerContent content = Unpacking.Unpack(new TarWriter().Add(".wh.top").Directory("d").Add("d/.wh.gone").Add("missing/parent/.wh.x").End(), directory["root"]);
        Assert.Equal(["d/gone", "missing/parent/x", "top"], Names(content));
        Assert.Equal("./top " + Device, Unpacking.Line(directory["root"], "top"));
        Assert.Equal("./d/gone " + Device, Unpacking.Line(directory["root"], "d/gone"));
        Assert.Equal("./missing/parent/x " + Device, Unpacking.Line(directory["root"], "missing/parent/x"));
        Assert.Equal(4, content.Entries);
    }

    [Fact]
    public void A_whiteout_never_hides_its_own_layer_wherever_it_stands()
    {
        foreach (bool first in new[] { true, false })
        {
            using TestDirectory directory = new();
            TarWriter tar = new();
            _ = first ? tar.Add(".wh.f").Add(".wh.d").Add("o/.wh..wh..opq") : tar;
            tar.Add("f", data: "mine").Directory("d").Add("d/in").Directory("o").Add("o/in");
            _ = first ? tar : tar.Add(".wh.f").Add(".wh.d").Add("o/.wh..wh..opq");
            LayerContent content = Unpacking.Unpack(tar.End(), directory["root"]);
            Assert.Empty(content.Whiteouts);
            Assert.StartsWith("./f file", Unpacking.Line(directory["root"], "f"), StringComparison.Ordinal);
            Assert.Equal("./d directory 755 0:0 " + Opaque, Unpacking.Line(directory["root"], "d")); // what it would be merged with is hidden
            Assert.Equal("./o directory 755 0:0 " + Opaque, Unpacking.Line(directory["root"], "o"));
            Assert.StartsWith("./o/in file", Unpacking.Line(directory["root"], "o/in"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Whiteouts_in_and_below_an_opaque_directory_are_redundant()
    {
        using TestDirectory directory = new();
        LayerContent content = Unpacking.Unpack(new TarWriter().Add("o/.wh.a").Add("o/sub/.wh.b").Add("o/.wh..wh..opq").Directory("o/real").Add("o/real/.wh.c").Add("other/.wh.d").End(), directory["root"]);
        Assert.Equal(["other/d"], Names(content));
        Assert.Equal(["real"], Directory.GetFileSystemEntries(directory["root/o"]).Select(Path.GetFileName));
        Assert.Empty(Directory.GetFileSystemEntries(directory["root/o/real"]));
    }

    [Fact]
    public void An_opaque_root_hides_all()
    {
        using TestDirectory directory = new();
        LayerContent content = Unpacking.Unpack(new TarWriter().Add(".wh..wh..opq").Add("a/.wh.b").End(), directory["root"]);
        Assert.Empty(content.Whiteouts);
        Assert.Contains(Opaque, TreeListing.Of(directory["root"])[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_whiteout_behind_a_link_is_listed_where_it_is()
    {
        using TestDirectory directory = new();
        LayerContent content = Unpacking.Unpack(new TarWriter().Directory("run").Symlink("var-run", "/run").Add("var-run/.wh.x").Add("run/.wh.x").End(), directory["root"]);
        Assert.Equal(["run/x"], Names(content));
    }

    [Fact]
    public void Whiteouts_to_leave_out_are_left_out()
    {
        using TestDirectory directory = new();
        LayerContent content = Unpacking.Unpack(new TarWriter().Add("a/.wh.b").Add("a/.wh.c").Add("n/.wh.d").End(), directory["root"], true, "a/b"u8.ToArray(), "n/d"u8.ToArray());
        Assert.Equal(["a/c"], Names(content));
        Assert.Equal("nothing", Unpacking.Line(directory["root"], "a/b"));
        Assert.False(Directory.Exists(directory["root/n"]));
    }

    [Fact]
    public void A_whiteouts_time_is_not_its_directorys()
    {
        using TestDirectory directory = new();
        Unpacking.Unpack(new TarWriter().Directory("d", mtime: "00000000007").Add("d/.wh.x").Add("d/.wh..wh..opq").End(), directory["root"]);
        Assert.Contains("./d directory 755 0:0 7.000000000 " + Opaque, TreeListing.Of(directory["root"]));
    }

    [Fact]
    public void Bookkeeping_of_aufs_is_ignored()
    {
        using TestDirectory directory = new();
        LayerContent content = Unpacking.Unpack(new TarWriter().Directory(".wh..wh.plnk").Add(".wh..wh.plnk/1.2").Add(".wh..wh.aufs").Directory(".wh..wh.orph").Add("f").End(), directory["root"]);
        Assert.Empty(content.Whiteouts);
        Assert.Equal(["f"], Directory.GetFileSystemEntries(directory["root"]).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData(".wh.")]
    [InlineData(".wh..")]
    [InlineData(".wh...")]
    [InlineData("d/.wh...")]
    [InlineData("d/.wh./f")]
    [InlineData("d/.wh.x/f")]
    [InlineData("../.wh.x")]
    public void A_bad_whiteout_is_refused(string name)
        => Assert.Contains("at byte 512", Unpacking.Refused(new TarWriter().Directory("d").Add(name).End()).Message, StringComparison.Ordinal);

    [Fact]
    public void A_whiteout_through_a_link_stays_in_the_root()
    {
        using TestDirectory directory = new();
        Directory.CreateDirectory(directory["outside"]);
        LayerContent content = Unpacking.Unpack(new TarWriter().Symlink("l", directory["outside"]).Add("l/.wh.x").Add("l/.wh..wh..opq").End(), directory["root"]);
        Assert.Empty(content.Whiteouts);
        Assert.Empty(Directory.GetFileSystemEntries(directory["outside"]));
        Assert.DoesNotContain(TreeListing.Of(directory["outside"]), line => line.Contains("overlay", StringComparison.Ordinal));
    }

    [Fact]
    public void In_a_plain_root_they_are_files_like_others()
    {
        using TestDirectory directory = new();
        LayerContent content = Unpacking.Unpack(new TarWriter().Add(".wh.x", data: "1").Add(".wh..wh..opq").Add(".wh.").End(), directory["root"], convertWhiteouts: false);
        Assert.Empty(content.Whiteouts);
        Assert.Equal("1", File.ReadAllText(directory["root/.wh.x"]));
        Assert.Equal(3, Directory.GetFiles(directory["root"]).Length);
    }

    private static IEnumerable<string> Names(LayerContent content) => content.Whiteouts.Select(Encoding.UTF8.GetString).Order(StringComparer.Ordinal);
}
