using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using Containers.Host;

namespace Containers;

/// <summary>
/// What this host has of what containers are made of, for this process and its user: found by trying where that is possible, and
/// not by versions. Probing makes a few short-lived children with namespaces of their own; it changes nothing and leaves nothing.
/// </summary>
public sealed class HostCapabilities
{
    private readonly ImmutableDictionary<HostFeature, HostCapability> _all;

    private HostCapabilities(IEnumerable<HostCapability> all) => _all = all.ToImmutableDictionary(one => one.Feature);

    /// <summary>Looks, now. It takes some milliseconds.</summary>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public static HostCapabilities Probe()
        => OperatingSystem.IsLinux()
            ? new HostCapabilities([.. ProcessProbe.All(), .. NamespaceProbe.All(), .. CgroupProbe.All(), .. FileSystemProbe.All(), .. SecurityProbe.All(), .. ToolProbe.All()])
            : throw new PlatformNotSupportedException("Containers are made of Linux namespaces: there are none here.");

    /// <summary>What there is of a feature.</summary>
    /// <param name="feature">The feature.</param>
    public HostCapability this[HostFeature feature] => _all[feature];

    /// <summary>All of them, in the order of <see cref="HostFeature"/>.</summary>
    public ImmutableArray<HostCapability> All => [.. _all.Values.OrderBy(one => one.Feature)];

    /// <summary>Whether a feature is there.</summary>
    /// <param name="feature">The feature.</param>
    public bool Has(HostFeature feature) => _all[feature].IsAvailable;

    /// <summary>The kernel's release, as uname(2) says it.</summary>
    public string KernelRelease { get; } = HostFiles.TryRead("/proc/sys/kernel/osrelease") ?? Environment.OSVersion.Version.ToString();

    /// <summary>Whether this process is root.</summary>
    public bool IsRoot { get; } = Native.Kernel.geteuid() == 0;

    /// <summary>A table for people.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        text.Append("Linux ").Append(KernelRelease).Append(", ").Append(RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "x86-64" : "arm64")
            .Append(IsRoot ? ", as root\n" : ", as a user\n");
        int width = Enum.GetNames<HostFeature>().Max(name => name.Length);
        foreach (HostCapability one in All)
        {
            text.Append("  ").Append(one.Feature.ToString().PadRight(width)).Append(one.IsAvailable ? "  yes  " : "  no   ").Append(one.Detail);
            if (one.Remedy is not null)
            {
                text.Append(one.Detail.Length > 0 ? ". " : "").Append("Would give it: ").Append(one.Remedy);
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    internal static HostCapability Yes(HostFeature feature, string detail = "") => new(feature, true, detail, null);

    internal static HostCapability No(HostFeature feature, string detail = "", string? remedy = null) => new(feature, false, detail, remedy ?? HostHints.Remedy(feature));

    internal static HostCapability If(HostFeature feature, bool available, string detail = "") => available ? Yes(feature, detail) : No(feature, detail);
}
