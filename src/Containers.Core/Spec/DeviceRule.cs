namespace Containers;

/// <summary>What a container may do with devices of a kind, whether or not it has a node of them: Linux's cgroup device controller.</summary>
/// <param name="Type">'c' for character devices, 'b' for block devices, 'a' for both.</param>
/// <param name="Major">The major number; null for any.</param>
/// <param name="Minor">The minor number; null for any.</param>
/// <param name="Access">Letters of "rwm": to read, to write, to make a node of (mknod).</param>
internal readonly record struct DeviceRule(char Type, int? Major, int? Minor, string Access)
{
    /// <summary>As cgroup v1 writes it: "c 1:3 rwm", "c 136:* rw".</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Type} {Number(Major)}:{Number(Minor)} {Access}");

    private static string Number(int? number) => number?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "*";
}
