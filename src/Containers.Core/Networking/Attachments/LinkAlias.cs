using System.Net;
using System.Text;

namespace Containers.Networking;

/// <summary>
/// What is written on our links as their alias (ip link: "alias"), where it lives exactly as long as the link does: on a
/// bridge, that it is ours; on the host's end of a container's veth, who the container is. Other processes find a
/// container's name by it, and no file has to be kept true.
/// </summary>
/// <param name="Id">The container; null on a bridge.</param>
/// <param name="Addresses">Its addresses on this network.</param>
/// <param name="Names">Its names there, beside the id.</param>
/// <param name="Flags">On a bridge: "isolated", "keep".</param>
internal sealed record LinkAlias(string? Id, IReadOnlyList<IPAddress> Addresses, IReadOnlyList<string> Names, IReadOnlyList<string> Flags)
{
    /// <summary>IFALIASZ, linux/if.h, less the zero at the end.</summary>
    public const int MaxBytes = 255;

    private const string Mark = "containers.net", BridgeMark = Mark + " bridge", ContainerMark = Mark + " container ";

    public bool IsBridge => Id is null;

    public static LinkAlias Bridge(params IReadOnlyList<string> flags) => new(null, [], [], flags);

    /// <returns>Null for an alias that is not of our making.</returns>
    public static LinkAlias? TryParse(string? text)
    {
        if (text is null || !text.StartsWith(Mark + " ", StringComparison.Ordinal))
        {
            return null;
        }

        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words[1] == "bridge")
        {
            return Bridge(words[2..]);
        }

        if (words[1] != "container" || words.Length < 4)
        {
            return null;
        }

        List<IPAddress> addresses = [];
        foreach (string address in words[3].Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!IPAddress.TryParse(address, out IPAddress? parsed))
            {
                return null;
            }

            addresses.Add(parsed);
        }

        return new LinkAlias(words[2], addresses, words[4..], []);
    }

    /// <exception cref="NetworkException">The names are too long for it.</exception>
    public override string ToString()
    {
        string text = IsBridge ? string.Join(' ', [BridgeMark, .. Flags]) : $"{ContainerMark}{Id} {string.Join(',', Addresses)}{string.Concat(Names.Select(name => " " + name))}";
        int length = Encoding.UTF8.GetByteCount(text);
        return length <= MaxBytes
            ? text
            : throw new NetworkException($"The names of the container \"{Id}\" on one network are too long: with its addresses they take {length} bytes, and a link's alias has {MaxBytes}.", "Give it fewer or shorter aliases.");
    }
}
