using Containers.Native;

namespace Containers.Launch;

/// <summary>What this kernel can do of what came after Linux 5.10, found by trying and not by its version.</summary>
internal sealed unsafe class KernelFeatures
{
    private static readonly Lazy<KernelFeatures> s_current = new(() => new KernelFeatures());

    public static KernelFeatures Current => s_current.Value;

    /// <summary>mount_setattr(2), Linux 5.12.</summary>
    public bool MountSetattr { get; init; } = Kernel.Call(SystemCall.mount_setattr, -1) != -(long)Errno.ENOSYS;

    /// <summary>Overlay's lower directories one by one, through fsconfig, Linux 6.7: no limit of a page of options.</summary>
    public bool OverlayLowerAppend { get; init; } = ProbeOverlay();

    /// <summary>Descriptors of a range marked to be closed at the next execve(2): close_range(2), Linux 5.11.</summary>
    public bool CloseOnExecByRange { get; init; } = Kernel.Call(SystemCall.close_range, uint.MaxValue, uint.MaxValue, Kernel.CLOSE_RANGE_CLOEXEC) == 0;

    /// <summary>The greatest capability the kernel has.</summary>
    public int LastCapability { get; } = int.Parse(File.ReadAllText("/proc/sys/kernel/cap_last_cap"), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>
    /// Whether a child that shares our memory enters its time namespace when it executes a program. Linux 6.3; before, it
    /// stayed in the old one for good. By version: nothing short of executing a program would show it.
    /// </summary>
    public bool TimeNamespaceAtExec { get; } = Environment.OSVersion.Version >= new Version(6, 3) && File.Exists("/proc/self/ns/time");

    /// <summary>The version of Landlock, from 1; 0 or less without. Linux 5.13.</summary>
    public int LandlockAbi { get; init; } = Kernel.landlock_abi();

    private static bool ProbeOverlay()
    {
        if (Kernel.geteuid() != 0)
        {
            return Environment.OSVersion.Version >= new Version(6, 7); // who is not root may not try
        }

        fixed (byte* type = "overlay\0"u8, key = "lowerdir+\0"u8, nonsense = "no_such_option\0"u8, root = "/\0"u8)
        {
            using PathHandle context = new(Kernel.fsopen(type));
            // Before Linux 6.5 overlay took all options, known or not, and looked at them when it was mounted.
            return !context.IsInvalid
                && Kernel.fsconfig(context.Descriptor, Kernel.FSCONFIG_SET_STRING, key, root) >= 0
                && Kernel.fsconfig(context.Descriptor, Kernel.FSCONFIG_SET_STRING, nonsense, root) < 0;
        }
    }
}
