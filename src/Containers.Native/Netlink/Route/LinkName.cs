using System.Text;

namespace Containers.Native.Netlink;

/// <summary>What may be a link's name: checked in one place, before anything is sent.</summary>
internal static class LinkName
{
    /// <summary>Returns the name, or says what is wrong with it. The rules are the kernel's (dev_valid_name), and one of ours: it makes a number of a '%'.</summary>
    /// <exception cref="ContainerException">It is empty, longer than 15 bytes, "." or "..", or has a slash, a colon, a percent sign or white space.</exception>
    public static string Check(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string? wrong = name switch
        {
            "" => "it is empty",
            "." or ".." => "it is a directory's",
            _ when Encoding.UTF8.GetByteCount(name) is var length && length >= Rtnetlink.IFNAMSIZ => $"it has {length} bytes",
            _ when name.Any(c => c is '/' or ':' or '%' or '\0' || char.IsWhiteSpace(c)) => "it has a slash, a colon, a percent sign or white space in it",
            _ => null,
        };
        return wrong is null
            ? name
            : throw new ContainerException($"\"{name.Replace("\0", "\\0", StringComparison.Ordinal)}\" cannot be the name of a network link: {wrong}.", "The kernel takes 1 to 15 bytes without those.");
    }
}
