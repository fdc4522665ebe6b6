namespace Containers.Networking;

/// <summary>RFC 1035, 4.1.1: how a query ended.</summary>
internal enum ResponseCode
{
    NoError = 0,
    FormatError = 1,
    ServerFailure = 2,
    NotImplemented = 4,
    Refused = 5,

    /// <summary>RFC 6891: beyond what the header has room for.</summary>
    BadVersion = 16,
}

/// <summary>The types of records that something is done about. All others are passed on as they are.</summary>
internal static class RecordType
{
    public const ushort A = 1, PTR = 12, AAAA = 28, OPT = 41, IXFR = 251, AXFR = 252, ANY = 255;
}

/// <summary>RFC 1035, 4.1.1: the second word of a message.</summary>
internal static class MessageFlags
{
    public const ushort Response = 0x8000, Opcode = 0x7800, Authoritative = 0x0400, Truncated = 0x0200, RecursionDesired = 0x0100,
        RecursionAvailable = 0x0080, CheckingDisabled = 0x0010, Code = 0x000f;
}
