namespace Containers;

/// <summary>What went through a link since it was made, as its own namespace sees it.</summary>
public sealed record LinkCounters
{
    /// <summary>Bytes that came in, headers of frames included.</summary>
    public long ReceivedBytes { get; init; }

    /// <summary>Packets that came in.</summary>
    public long ReceivedPackets { get; init; }

    /// <summary>Packets that came in damaged.</summary>
    public long ReceiveErrors { get; init; }

    /// <summary>Packets that came in and were dropped, since there was no room or nobody wanted them.</summary>
    public long ReceiveDropped { get; init; }

    /// <summary>Bytes that left, headers of frames included.</summary>
    public long SentBytes { get; init; }

    /// <summary>Packets that left.</summary>
    public long SentPackets { get; init; }

    /// <summary>Packets that could not be sent.</summary>
    public long SendErrors { get; init; }

    /// <summary>Packets that were dropped rather than sent.</summary>
    public long SendDropped { get; init; }
}

/// <summary>A VLAN that a port of a bridge belongs to.</summary>
/// <param name="Id">1 to 4094.</param>
/// <param name="Untagged">Whether its frames leave the port without a tag.</param>
/// <param name="Pvid">Whether frames that come in without a tag are of it.</param>
public readonly record struct PortVlan(int Id, bool Untagged, bool Pvid);
