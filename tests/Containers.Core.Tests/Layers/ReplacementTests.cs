using Containers.Layers;
using Xunit;

namespace Containers.Tests.Layers;

/// <summary>The same path more than once: what comes later wins.</summary>
public sealed class ReplacementTests : IClassFixture<HostState>
{
    private static readonly string[] s_kinds = ["file", "directory", "full directory", "symlink", "hardlink", "fifo", "device"];

    public static TheoryData<string, string> Pairs => [.. from first in s_kinds from second in s_kinds select (first, second)];

    [Theory]
    [MemberData(nameof(Pairs))]
    public void What_comes_later_wins(string first, string second)
    {
        Requires.Root();
        using TestDirectory directory = new();
        TarWriter tar = Add(Add(new TarWriter().Add("other", data: "other"), first, "1"), second, "2");
        Unpacking.Unpack(tar.Add("after", data: "a").End(), directory["root"]);
        bool merged = first == "full directory" && second.EndsWith("directory", StringComparison.Ordinal);
        Unpacking.Unpack(Add(merged ? Add(new TarWriter().Add("other", data: "other"), first, "1") : new TarWriter().Add("other", data: "other"), second, "2").Add("after", data: "a").End(), directory["alone"]);
        TreeListing.AssertEqual(directory["alone"], directory["root"], times: false);
    }

    private static TarWriter Add(TarWriter tar, string kind, string data) => kind switch
    {
        "file" => tar.Add("x", data: data),
        "directory" => tar.Directory("x", mode: "000070" + data),
        "full directory" => tar.Directory("x").Add("x/in" + data).Directory("x/d").Directory("x/d/e").Add("x/d/e/f"),
        "symlink" => tar.Symlink("x", "other" + data),
        "hardlink" => tar.Hardlink("x", "other"),
        "fifo" => tar.Add("x", '6'),
        _ => tar.Add("x", '3', major: "0000001", minor: "000000" + data),
    };

    [Fact]
    public void A_later_directory_entry_changes_owner_mode_time_and_attributes()
    {
        Requires.Root();
        using TestDirectory directory = new();
        Unpacking.Unpack(new TarWriter().Directory("d", mode: "0000700").Add("d/f").Pax(("SCHILY.xattr.user.a", "b")).Add("d", '5', mode: "0002711", uid: "0000017", mtime: "00000000012").End(), directory["root"]);
        Assert.Contains("./d directory 2711 15:0 10.000000000 [user.a=62]", TreeListing.Of(directory["root"]));
    }

    [Fact]
    public void A_file_that_replaces_one_with_two_names_leaves_the_other_name_alone()
    {
        using TestDirectory directory = new();
        Unpacking.Unpack(new TarWriter().Add("a", data: "old").Hardlink("b", "a").Add("a", data: "new").End(), directory["root"]);
        Assert.Equal("old", File.ReadAllText(directory["root/b"]));
        Assert.Equal("new", File.ReadAllText(directory["root/a"]));
    }

    [Fact]
    public void A_hard_link_to_itself_loses_nothing()
    {
        using TestDirectory directory = new();
        Unpacking.Unpack(new TarWriter().Add("a", data: "kept").Hardlink("a", "./a").Hardlink("b", "a").Hardlink("b", "a").End(), directory["root"]);
        Assert.Equal("kept", File.ReadAllText(directory["root/b"]));
    }

    [Fact]
    public void A_deep_tree_is_replaced_without_recursion()
    {
        using TestDirectory directory = new();
        TarWriter tar = new TarWriter().LongName(string.Concat(Enumerable.Repeat("d/", 2000))).Directory("x");
        // A link to the middle, so that the tree can grow deeper than any path may be long.
        tar.LongName(string.Concat(Enumerable.Repeat("d/", 900)), 'K').Symlink("middle", "x").Add("middle/d/d/file", data: "x").Add("d", data: "file now");
        Directory.CreateDirectory(directory["root"]);
        LayerUnpacker.Unpack(new MemoryStream(tar.End()), directory["root"], new LayerUnpackOptions { Limits = new UnpackLimits { MaximumDepth = 10_000 } });
        Assert.Equal("file now", File.ReadAllText(directory["root/d"]));
    }

    [Fact]
    public void A_setgid_directory_does_not_pass_its_group_on()
    {
        Requires.Root();
        using TestDirectory directory = new();
        Unpacking.Unpack(new TarWriter().Add("first").Add("d", '5', gid: "0000024", mode: "0002775").Add("d/f").Directory("d/e").Symlink("d/l", "x").End(), directory["root"]);
        Assert.StartsWith("./d directory 2775 0:20", Unpacking.Line(directory["root"], "d"), StringComparison.Ordinal);
        Assert.StartsWith("./d/e directory 755 0:0", Unpacking.Line(directory["root"], "d/e"), StringComparison.Ordinal);
        Assert.StartsWith("./d/f file 644 0:0", Unpacking.Line(directory["root"], "d/f"), StringComparison.Ordinal);
        Assert.StartsWith("./d/l link 777 0:0", Unpacking.Line(directory["root"], "d/l"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0000000")]
    [InlineData("0000111")]
    [InlineData("0007777")]
    [InlineData("0000666")]
    public void Modes_arrive_whatever_the_umask_is(string mode)
    {
        Requires.Root();
        using TestDirectory directory = new();
        Unpacking.Unpack(new TarWriter().Add("f", mode: mode, data: "x").Directory("d", mode: mode).Add("d/in").Add("p", '6', mode: mode).Add("u", mode: mode, uid: "0000001").End(), directory["root"]);
        string octal = Convert.ToString(Convert.ToInt32(mode, 8), 8);
        foreach (string name in new[] { "f file", "d directory", "p fifo", "u file" })
        {
            Assert.StartsWith($"./{name} {octal} ", Unpacking.Line(directory["root"], name.Split(' ')[0]), StringComparison.Ordinal);
        }
    }
}
