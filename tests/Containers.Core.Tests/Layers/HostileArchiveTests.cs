using Containers.Layers;
using Xunit;

namespace Containers.Tests.Layers;

/// <summary>Archives that try to get out of the root, or to break what reads them.</summary>
public sealed class HostileArchiveTests : IClassFixture<HostState>
{
    [Theory]
    [InlineData("../canary")]
    [InlineData("a/../../canary")]
    [InlineData("./../canary")]
    [InlineData("/../canary")]
    [InlineData("a/..")]
    [InlineData("..")]
    [InlineData("a/../b")]
    public void A_name_with_dots_is_refused_for_every_type(string name)
    {
        foreach (char type in "0123456")
        {
            LayerException exception = Unpacking.Refused(new TarWriter().Add("fine").Add(name, type, link: "fine").End());
            Assert.Contains("..", exception.Message, StringComparison.Ordinal);
            Assert.Contains("at byte 512", exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_leading_slash_is_stripped()
    {
        using TestDirectory directory = new();
        Unpacking.Unpack(new TarWriter().Add("/etc//./passwd", data: "x").Add("//top", data: "y").Hardlink("/link", "/etc/passwd").End(), directory["root"]);
        Assert.Equal("x", File.ReadAllText(directory["root/etc/passwd"]));
        Assert.Equal("x", File.ReadAllText(directory["root/link"]));
        Assert.Equal("y", File.ReadAllText(directory["root/top"]));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("..")]
    [InlineData("../../../../../../..")]
    [InlineData("/proc/self/root")]
    [InlineData("/proc/self/cwd/..")]
    public void Writing_through_a_link_stays_in_the_root(string target)
    {
        using TestDirectory directory = new();
        string name = $"containers-tests-escape-{Environment.ProcessId}";
        Unpacking.Unpack(new TarWriter().Symlink("out", target).Add("out/" + name, data: "x").Directory($"out/{name}.d").Symlink($"out/{name}.l", "x").Add($"out/{name}.p", '6').End(), directory["root"]);
        Assert.False(File.Exists("/" + name));
        Assert.Empty(Unpacking.Outside(directory));
        Assert.Single(Directory.GetFiles(directory["root"], name, new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }));
    }

    [Fact]
    public void A_link_at_the_end_of_a_name_is_replaced_and_not_followed()
    {
        using TestDirectory directory = new();
        File.WriteAllText(directory["canary"], "as before");
        Unpacking.Unpack(new TarWriter().Symlink("f", directory["canary"]).Add("f", data: "mine").Symlink("d", directory.Path).Directory("d").Add("d/canary", data: "mine").End(), directory["root"]);
        Assert.Equal("as before", File.ReadAllText(directory["canary"]));
        Assert.Equal("mine", File.ReadAllText(directory["root/f"]));
        Assert.Null(new FileInfo(directory["root/f"]).LinkTarget);
        Assert.Equal("mine", File.ReadAllText(directory["root/d/canary"]));
    }

    [Fact]
    public void An_absolute_link_of_the_image_leads_to_its_own_directory()
    {
        using TestDirectory directory = new();
        Unpacking.Unpack(new TarWriter().Directory("run/").Directory("var/").Symlink("var/run", "/run").Symlink("var/lock", "../run/lock").Symlink("deep", "var/./run/../lock/")
            .Add("var/run/pid", data: "1").Add("var/lock/file", data: "2").Add("deep/more/file", data: "3").End(), directory["root"]);
        Assert.Equal("1", File.ReadAllText(directory["root/run/pid"]));
        Assert.Equal("2", File.ReadAllText(directory["root/run/lock/file"]));
        // ".." behind a link is the parent of what the link leads to, as for the kernel.
        Assert.Equal("3", File.ReadAllText(directory["root/lock/more/file"]));
    }

    [Fact]
    public void A_directory_that_becomes_a_link_is_looked_up_again()
    {
        using TestDirectory directory = new();
        Unpacking.Unpack(new TarWriter().Directory("a").Directory("b").Add("a/one", data: "1").Symlink("a", "b").Add("a/two", data: "2").End(), directory["root"]);
        Assert.Equal("2", File.ReadAllText(directory["root/b/two"]));
        Assert.False(File.Exists(directory["root/b/one"]));

        Unpacking.Unpack(new TarWriter().Directory("x/y").Add("x/y/one").Symlink("x", "/").Add("x/y/one", data: "2").End(), directory["second"]);
        Assert.Equal("2", File.ReadAllText(directory["second/y/one"]));
    }

    [Fact]
    public void Links_in_a_circle_are_an_error()
    {
        LayerException exception = Unpacking.Refused(new TarWriter().Symlink("a", "b").Symlink("b", "a").Add("a/file").End());
        Assert.Contains("too many symbolic links", exception.Message, StringComparison.Ordinal);
        Unpacking.Refused(new TarWriter().Symlink("a", "a/a").Add("a/file").End());
    }

    [Fact]
    public void A_file_in_the_way_is_named()
    {
        LayerException exception = Unpacking.Refused(new TarWriter().Add("a/b").Add("a/b/c").End());
        Assert.Contains("\"a/b/c\" at byte 512", exception.Message, StringComparison.Ordinal);
        Assert.Contains("\"b\", which is no directory", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../canary")]
    [InlineData("a/../../canary")]
    [InlineData("nothing")]
    [InlineData("/canary")]
    [InlineData("escape/canary")]
    [InlineData("/")]
    public void A_hard_link_to_outside_is_refused(string target)
    {
        LayerException exception = Unpacking.Refused(new TarWriter().Directory("a").Symlink("escape", "..").Hardlink("link", target).End());
        Assert.Contains("hard link", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hard_link_to_a_symbolic_link_is_the_link_again()
    {
        using TestDirectory directory = new();
        File.WriteAllText(directory["canary"], "as before");
        Unpacking.Unpack(new TarWriter().Symlink("out", directory["canary"]).Hardlink("again", "out").Add("again", data: "mine").End(), directory["root"]);
        Assert.Equal("as before", File.ReadAllText(directory["canary"]));
        Assert.Equal(directory["canary"], new FileInfo(directory["root/out"]).LinkTarget);
    }

    [Fact]
    public void Overlays_own_attributes_are_dropped()
    {
        Requires.Root();
        using TestDirectory directory = new();
        Unpacking.Unpack(new TarWriter()
            .Pax(("SCHILY.xattr.trusted.overlay.redirect", "/etc"), ("SCHILY.xattr.trusted.kept", "1")).Directory("d")
            .Pax(("SCHILY.xattr.user.overlay.opaque", "y"), ("SCHILY.xattr.user.kept", "1")).Add("f").End(), directory["root"]);
        Assert.EndsWith(" [trusted.kept=31]", Unpacking.Line(directory["root"], "d"), StringComparison.Ordinal);
        Assert.EndsWith(" [user.kept=31]", Unpacking.Line(directory["root"], "f"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_root_itself_must_be_a_directory()
    {
        foreach (string name in new[] { "./", ".", "/", "" })
        {
            Unpacking.Refused(new TarWriter().Add(name, '2', link: "elsewhere").End());
        }
    }

    [Fact]
    public void The_roots_entry_sets_its_mode_and_time()
    {
        using TestDirectory directory = new();
        Unpacking.Unpack(new TarWriter().Directory("./", mode: "0001751", mtime: "00000000144").Add("./f").End(), directory["root"]);
        Assert.StartsWith(". directory 1751 0:0 100.000000000", TreeListing.Of(directory["root"])[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_too_long_for_the_kernel_is_the_kernels_error()
    {
        using TestDirectory directory = new();
        string name = new('n', 256);
        KernelException exception = Assert.Throws<KernelException>(() => Unpacking.Unpack(new TarWriter().LongName(name).Add("x").End(), directory["root"]));
        Assert.Equal(Errno.ENAMETOOLONG, exception.Errno);
        Assert.Contains("nnn", exception.Message, StringComparison.Ordinal);
        exception = Assert.Throws<KernelException>(() => Unpacking.Unpack(new TarWriter().LongName(string.Concat(Enumerable.Repeat("dir/", 1500)) + "x").Add("x").End(), directory["other"]));
        Assert.Equal(Errno.ENAMETOOLONG, exception.Errno);
    }

    [Fact]
    public void A_full_disk_is_told_with_the_file_it_happened_at()
    {
        Requires.Root();
        using TestDirectory directory = new();
        Directory.CreateDirectory(directory["small"]);
        Tool.Run("mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", directory["small"]);
        try
        {
            byte[] archive = new TarWriter().Add("fits", new byte[100_000]).Add("does-not", new byte[2_000_000]).End();
            KernelException exception = Assert.Throws<KernelException>(() => Unpacking.Unpack(archive, directory["small/root"]));
            Assert.Equal(Errno.ENOSPC, exception.Errno);
            Assert.Contains("does-not", exception.Message, StringComparison.Ordinal);
            Assert.Contains("full", exception.Hint, StringComparison.Ordinal);
        }
        finally
        {
            Tool.Run("umount", directory["small"]);
        }
    }
}
