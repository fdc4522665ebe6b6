using System.Net;

namespace Containers.Networking;

/// <summary>
/// What a <see cref="NameResponder"/> knows: who is asked for by a name, as the one who asks sees it. It is asked from
/// several threads, for every query, so it answers from memory.
/// </summary>
internal interface INameSource
{
    /// <summary>The addresses of a name, of both families.</summary>
    /// <param name="name">In lower case, without a dot at its end.</param>
    /// <param name="asker">The address that the query came from.</param>
    /// <returns>Null when the name is not one of ours, and someone else is to be asked; empty when it is, but has no address.</returns>
    IReadOnlyList<IPAddress>? Find(string name, IPAddress asker);

    /// <summary>The name of an address.</summary>
    /// <returns>Null when the address is not one of ours.</returns>
    string? FindName(IPAddress address, IPAddress asker);

    /// <summary>The servers that this asker's container was given.</summary>
    /// <returns>Null for those of the host.</returns>
    IReadOnlyList<IPEndPoint>? Resolvers(IPAddress asker);

    /// <summary>Whether names that are not ours are asked for elsewhere: not for an isolated network, where queries would be a way out, and not for strangers.</summary>
    bool Forwards(IPAddress asker);
}
