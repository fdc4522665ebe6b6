using System.Security.Cryptography;
using Containers.Layers;
using Containers.Layers.Recipes;
using CsCheck;
using Xunit;

namespace Containers.Tests.Layers;

/// <summary>The tar of a layer is made again of its files, byte for byte.</summary>
public sealed class RecipeTests : IClassFixture<HostState>
{
    public RecipeTests() => Requires.Root();

    [Theory]
    [InlineData("tar --format=posix --xattrs --xattrs-include='*' -cf")]
    [InlineData("tar --format=posix --sparse --sparse-version=0.0 -cf")]
    [InlineData("tar --format=posix --sparse --sparse-version=0.1 -cf")]
    [InlineData("tar --format=posix --sparse --sparse-version=1.0 -cf")]
    [InlineData("tar --format=gnu --sparse -cf")]
    [InlineData("tar --format=oldgnu --sparse -cf")]
    [InlineData("tar --format=ustar --exclude='long*' -cf")]
    [InlineData("tar --format=v7 --exclude='long*' --exclude=fifo --exclude=null -cf")]
    [InlineData("tar --format=gnu --listed-incremental=../snapshot -cf")] // directories with their lists of names
    [InlineData("bsdtar --format=pax -cf")]
    [InlineData("bsdtar --format=gnutar -cf")]
    [InlineData("busybox tar -cf")]
    public void Archive_of_any_program_comes_back(string command)
    {
        Requires.Tools(command.Split(' ')[0]);
        using TestDirectory directory = new();
        Tool.Bash($$"""
            mkdir -p '{{directory["tree"]}}/d/e/empty' && cd '{{directory["tree"]}}'
            head -c 700001 /dev/urandom > big; head -c 512 /dev/urandom > d/block; : > empty; echo x > d/e/small; chmod 0 d/e/small; chmod 4755 big
            ln big hard; ln -s d link; mkfifo fifo; mknod null c 1 3; setfattr -n user.a -v b big; chown 5:6 d/block
            long=long$(printf 'n%.0s' {1..190}); mkdir "$long"; echo long > "$long/$long"; ln -s "$long/$long" longlink
            truncate -s 10M sparse; printf mid | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none; truncate -s 3M hole
            truncate -s 2M many; for i in {0..40}; do printf data$i | dd of=many bs=1 seek=$((i * 40000)) conv=notrunc status=none; done
            {{command}} '{{directory["a.tar"]}}' .
            """);
        AssertComesBack(directory, File.ReadAllBytes(directory["a.tar"]));
    }

    [Fact]
    public void Contents_that_were_replaced_in_the_same_archive_come_back()
    {
        using TestDirectory directory = new();
        byte[] tar = new TarWriter()
            .Add("a", data: "first a").Hardlink("b", "a").Add("a", data: "second a").Add("a", data: "third a").Add("b", data: "b is another now")
            .Directory("d").Add("d/x", data: "x in d").Directory("d/e").Add("d/e/y", data: "y in e").Symlink("l", "d").Add("l/through", data: "through the link")
            .Add("d", data: "d is a file now").Directory("d").Add("d/x", data: "x again").Add("d/x", '2', link: "target").Add("d/x", '5').Add("d/x/z", data: "z")
            .Add("end", data: new string('e', 100_000)).End();
        AssertComesBack(directory, tar);
        Assert.Equal("third a", File.ReadAllText(directory["place/root/a"]));
        Assert.DoesNotContain(TreeListing.Of(directory["place/root"]), line => line.Contains("names", StringComparison.Ordinal)); // what is aside is no further name
    }

    [Fact]
    public void Whiteouts_what_is_behind_the_end_and_what_is_left_out_come_back()
    {
        using TestDirectory directory = new();
        byte[] tar = [.. new TarWriter().Pax('g', ("comment", "global")).Directory("d").Add("d/.wh.gone").Add("d/.wh..wh..opq").Add(".wh.other", data: "with data").Add(".wh..wh.plnk/x", data: "aufs")
            .Pax(("path", "from pax")).Add("x", data: "1").Add("f", data: "22").End(20), .. RandomNumberGenerator.GetBytes(100_001)];
        AssertComesBack(directory, tar);
        using TestDirectory dropped = new();
        AssertComesBack(dropped, new TarWriter().Directory("d").Add("d/.wh.gone").Add("d/f", data: "f").End(), [.. "d/gone"u8]);
        Assert.False(File.Exists(dropped["place/root/d/gone"]));
    }

    [Fact]
    public void Archive_that_stops_without_an_end_comes_back()
    {
        using TestDirectory directory = new();
        AssertComesBack(directory, new TarWriter().Add("a", data: "a").End(0));
    }

    [Fact]
    public void Any_sequence_of_entries_comes_back()
    {
        string[] names = ["a", "b", "d", "d/a", "d/b", "d/d", "d/d/a", "l/a", "l/b", "./a", "d//a"];
        Gen<(int Kind, int Name, int Other, int Length)> entry = Gen.Select(Gen.Int[0, 6], Gen.Int[0, names.Length - 1], Gen.Int[0, names.Length - 1], Gen.Int[0, 3000]);
        entry.Array[1, 24].Sample(entries =>
        {
            TarWriter tar = new();
            tar.Symlink("l", "d");
            int count = 0;
            foreach ((int kind, int name, int other, int length) in entries)
            {
                char content = (char)('A' + count++ % 26);
                _ = kind switch
                {
                    0 or 1 or 2 => tar.Add(names[name], data: new string(content, length)),
                    3 => tar.Directory(names[name]),
                    4 => tar.Hardlink(names[name], names[other]),
                    5 => tar.Symlink(names[name], names[other]),
                    _ => tar.Add(names[name], '6'),
                };
            }

            using TestDirectory directory = new();
            try
            {
                AssertComesBack(directory, tar.End());
            }
            catch (LayerException)
            {
                // a hard link to nothing, a file where a directory is needed: not unpacked at all
            }
        }, iter: 300, threads: 1);
    }

    [Theory]
    [InlineData("printf CONTENT.OF.A > root/a", "digest")]
    [InlineData("truncate -s 1 root/a", "shorter")]
    [InlineData("rm root/a", "not there")]
    [InlineData("rm root/a; ln -s /etc/hostname root/a", "not there")]
    [InlineData("rm root/a; mkfifo root/a", "no file any more")]
    [InlineData("rm -r root/d; ln -s /etc root/d", "not there")]
    [InlineData("truncate -s 40 recipe", "recipe")]
    [InlineData("echo nonsense > recipe", "recipe")]
    [InlineData("rm recipe", "earlier version")]
    [InlineData("printf 'containers recipe 1\\n' > recipe", "recipe")]
    public void Layer_that_was_changed_is_told_and_its_tar_has_no_end(string damage, string expected)
    {
        using TestDirectory directory = new();
        byte[] tar = new TarWriter().Add("a", data: "content of a").Directory("d").Add("d/hostname", data: new string('x', 4000)).End();
        AssertComesBack(directory, tar);
        Tool.Bash($"cd '{directory["place"]}'; {damage}");
        LayerException exception = Assert.Throws<LayerException>(() => Read(directory["place"], tar));
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
        Assert.Contains("repair", exception.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Recipe_that_was_changed_anywhere_is_an_error_and_never_another_tar()
    {
        using TestDirectory directory = new();
        byte[] tar = new TarWriter().Add("a", data: "content of a").Directory("d").Add("d/b", data: new string('x', 4000)).End();
        AssertComesBack(directory, tar);
        byte[] recipe = File.ReadAllBytes(directory["place/recipe"]);
        for (int i = 0; i < recipe.Length; i++)
        {
            byte[] changed = [.. recipe];
            changed[i] ^= (byte)(1 << (i % 8));
            File.WriteAllBytes(directory["place/recipe"], changed);
            try
            {
                Assert.Equal(tar, Read(directory["place"], tar)); // a bit that means nothing
            }
            catch (LayerException)
            {
            }
        }
    }

    [Fact]
    public void Hard_link_to_a_directory_is_refused_by_its_name()
    {
        using TestDirectory directory = new();
        LayerException exception = Assert.Throws<LayerException>(() => AssertComesBack(directory, new TarWriter().Directory("d").Hardlink("h", "d").End()));
        Assert.Contains("\"h\"", exception.Message, StringComparison.Ordinal);
        Assert.Contains("which is a directory", exception.Message, StringComparison.Ordinal);
    }

    private static void AssertComesBack(TestDirectory directory, byte[] tar, params byte[][] drop)
    {
        Directory.CreateDirectory(directory["place/root"]);
        LayerContent content = LayerUnpacker.Unpack(new MemoryStream(tar), directory["place/root"], new LayerUnpackOptions { RecipePlace = directory["place"], DropWhiteouts = drop }, TestContext.Current.CancellationToken);
        Assert.Equal(tar.Length, content.ArchiveLength);
        Assert.True(tar.AsSpan().SequenceEqual(Read(directory["place"], tar)));
    }

    private static byte[] Read(string place, byte[] tar)
    {
        using LayerTar stream = new(place, "sha256:" + Convert.ToHexStringLower(SHA256.HashData(tar)), tar.Length, null);
        using MemoryStream copy = new();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
