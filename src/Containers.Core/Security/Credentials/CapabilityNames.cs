namespace Containers.Security.Credentials;

/// <summary>Capabilities by the kernel's names.</summary>
internal static class CapabilityNames
{
    private static readonly Dictionary<string, Capability> s_byName = Enum.GetValues<Capability>().ToDictionary(NameOf, StringComparer.OrdinalIgnoreCase);

    /// <summary>"NET_ADMIN" for NetAdmin; the kernel's names with CAP_ before them.</summary>
    public static string NameOf(Capability capability) => capability switch
    {
        Capability.SetGid => "SETGID",
        Capability.SetUid => "SETUID",
        Capability.SetPcap => "SETPCAP",
        Capability.SetFcap => "SETFCAP",
        Capability.SysRawIo => "SYS_RAWIO",
        _ => string.Concat(capability.ToString().Select((c, i) => char.IsUpper(c) && i > 0 ? "_" + c : char.ToUpperInvariant(c).ToString())),
    };

    public static Capability Parse(string name)
        => TryParse(name, out Capability capability) ? capability
            : throw new ContainerException($"\"{name}\" is no capability.", "Names are those of capabilities(7), such as CAP_NET_ADMIN or net_admin.");

    public static bool TryParse(string name, out Capability capability)
        => s_byName.TryGetValue(name.StartsWith("CAP_", StringComparison.OrdinalIgnoreCase) ? name[4..] : name, out capability);
}
