namespace Containers;

/// <summary>A range of user or group ids inside a container, and what they are on the host: user_namespaces(7).</summary>
/// <param name="ContainerId">The first id inside.</param>
/// <param name="HostId">The first id on the host.</param>
/// <param name="Length">How many there are.</param>
public readonly record struct IdMap(uint ContainerId, uint HostId, uint Length)
{
    /// <summary>As the kernel shows it: "0 100000 65536".</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{ContainerId} {HostId} {Length}");
}
