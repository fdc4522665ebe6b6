using Containers.Layers;
using Xunit;

namespace Containers.Tests.Layers;

/// <summary>What the tests of layers do again and again.</summary>
internal static class Unpacking
{
    public static LayerContent Unpack(byte[] archive, string directory, bool convertWhiteouts = true, params byte[][] drop)
    {
        Directory.CreateDirectory(directory);
        return LayerUnpacker.Unpack(new MemoryStream(archive), directory, new LayerUnpackOptions { ConvertWhiteouts = convertWhiteouts, DropWhiteouts = drop });
    }

    public static LayerContent UnpackFile(string archive, string directory)
    {
        Directory.CreateDirectory(directory);
        using FileStream stream = File.OpenRead(archive);
        return LayerUnpacker.Unpack(stream, directory, new LayerUnpackOptions { ConvertWhiteouts = false });
    }

    /// <summary>As GNU tar unpacks it; all directories' times last, since bsdtar comes back to a directory it has left.</summary>
    public static void GnuTar(string archive, string directory)
    {
        Directory.CreateDirectory(directory);
        Tool.Run("tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "--delay-directory-restore", "-xpf", archive, "-C", directory);
    }

    /// <summary>Unpacks into a directory inside another one, expects it to be refused, and that nothing changed outside.</summary>
    public static LayerException Refused(byte[] archive)
    {
        using TestDirectory directory = new();
        File.WriteAllText(directory["canary"], "as before");
        Directory.CreateDirectory(directory["outside"]);
        IReadOnlyList<string> before = Outside(directory);
        LayerException exception = Assert.Throws<LayerException>(() => Unpack(archive, directory["root"]));
        Assert.Equal(before, Outside(directory));
        return exception;
    }

    /// <summary>What lies beside "root" in a directory.</summary>
    public static IReadOnlyList<string> Outside(TestDirectory directory)
        => [.. TreeListing.Of(directory.Path).Where(line => !line.StartsWith("./root", StringComparison.Ordinal) && !line.StartsWith(". ", StringComparison.Ordinal))];

    /// <summary>Lines of a tree without times, owners of no interest here.</summary>
    public static string Line(string directory, string path)
        => TreeListing.Of(directory, times: false).SingleOrDefault(line => line.StartsWith($"./{path} ", StringComparison.Ordinal)) ?? "nothing";
}
