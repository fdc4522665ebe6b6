using System.Collections.Immutable;
using System.Globalization;
using Containers.Native;

namespace Containers.Security.Credentials;

/// <summary>What this process may give to its containers.</summary>
internal static class HostPrivileges
{
    // A process's sets only shrink in practice, and are its threads' own: those of the first look are good for hints and checks, and the kernel has the last word.
    private static readonly Lazy<ulong> s_capabilities = new(() => Read("CapPrm:") & Read("CapBnd:"));

    public static bool Has(Capability capability) => (s_capabilities.Value >> (int)capability & 1) != 0;

    /// <summary>All capabilities that can be given: root's own; in a user namespace of its own a container can have all that there are.</summary>
    public static ImmutableHashSet<Capability> Grantable()
        => [.. Enum.GetValues<Capability>().Where(capability => (int)capability <= Launch.KernelFeatures.Current.LastCapability && (Kernel.geteuid() != 0 || Has(capability)))];

    /// <summary>Sees that a container without a user namespace of its own gets no capability that this process lacks.</summary>
    /// <exception cref="ContainerException">It would.</exception>
    public static void Check(IReadOnlyCollection<Capability> capabilities)
    {
        if (capabilities.All(Has))
        {
            return;
        }

        IEnumerable<string> lacking = capabilities.Where(capability => !Has(capability)).Order().Select(capability => "CAP_" + CapabilityNames.NameOf(capability));
        throw new ContainerException($"The container was to have {string.Join(", ", lacking)}, which this process lacks itself.",
            $"Run it with more privileges, or leave them out: {nameof(ContainerBuilder.WithoutCapabilities)}.");
    }

    private static ulong Read(string field)
    {
        string line = File.ReadLines("/proc/thread-self/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return ulong.Parse(line.AsSpan(field.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
