using Containers.Native.Netlink;

namespace Containers.Networking;

/// <summary>Names of links where they are given, long before the kernel sees them.</summary>
internal static class LinkNames
{
    /// <exception cref="NetworkException">It can be no link's.</exception>
    public static string Check(string name)
    {
        try
        {
            return LinkName.Check(name);
        }
        catch (ContainerException e)
        {
            throw new NetworkException(e.Message, innerException: e);
        }
    }
}
