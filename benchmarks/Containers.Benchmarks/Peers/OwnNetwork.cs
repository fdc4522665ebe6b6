namespace Containers.Benchmarks.Peers;

/// <summary>
/// A host's network for contenders that have one: what they make (bridges, rules, addresses) is made in a network namespace
/// of their own, empty but for lo, and goes with it. The process that is measured starts in it, so that entering it is not measured.
/// </summary>
internal static class OwnNetwork
{
    // Podman has files of its own below both, whatever directories it is given: locks, leases, namespaces by name.
    private const string Prepare = "ip link set lo up && mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && exec \"$@\"";

    public static string[] For(string[] command) => ["unshare", "--net", "--mount", "sh", "-c", Prepare, "sh", .. command];
}
