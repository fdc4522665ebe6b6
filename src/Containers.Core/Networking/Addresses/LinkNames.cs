using System.Text;

namespace Containers.Networking;

/// <summary>Names that the kernel takes for links.</summary>
internal static class LinkNames
{
    /// <exception cref="NetworkException">The kernel would refuse it (dev_valid_name), or make a name of a pattern of it.</exception>
    public static string Check(string name)
    {
        int length = Encoding.UTF8.GetByteCount(name);
        if (length is 0 or > 15)
        {
            throw new NetworkException($"\"{name}\" cannot name a link: it has {length} bytes, and 1 to 15 are possible.");
        }

        return name is not ("." or "..") && !name.Any(c => c is '/' or ':' or '%' || char.IsWhiteSpace(c) || char.IsControl(c))
            ? name
            : throw new NetworkException($"\"{name}\" cannot name a link: it is \".\" or \"..\", or has a '/', ':', '%' or white space in it.");
    }
}
