using System.Globalization;
using System.Text;
using Containers.Native;
using Containers.Native.Netlink;

namespace Containers.Launch;

/// <summary>How far the clocks of the new time namespace are off.</summary>
internal sealed unsafe class SetTimeOffsets(TimeSpan monotonic, TimeSpan bootTime) : LaunchOperation
{
    private readonly string _offsets = $"monotonic {Offset(monotonic)}\nboottime {Offset(bootTime)}\n";

    public override string Name => "set time offsets";

    public override string Why => "They can be set only before the first process is in the namespace: time_namespaces(7)";

    public override void Compile(PlanCompiler plan)
    {
        plan.Add(SystemCall.openat, Kernel.AT_FDCWD, plan.Text("/proc/self/timens_offsets"), Kernel.O_WRONLY | Kernel.O_CLOEXEC).Into(plan.File);
        plan.Add(SystemCall.write, plan.File, plan.Text(_offsets), _offsets.Length);
    }

    public override void Shell(ShellScript script)
    {
        script.Unshare.Add(string.Create(CultureInfo.InvariantCulture, $"--monotonic {(long)Math.Floor(monotonic.TotalSeconds)}"));
        script.Unshare.Add(string.Create(CultureInfo.InvariantCulture, $"--boottime {(long)Math.Floor(bootTime.TotalSeconds)}"));
    }

    public override string? Hint(Errno errno) => errno == Errno.ERANGE ? "An offset would set a clock back before 0, or too far forward." : null;

    // Seconds are rounded down, so that nanoseconds are never negative.
    private static string Offset(TimeSpan time)
    {
        long seconds = (long)Math.Floor((decimal)time.Ticks / TimeSpan.TicksPerSecond);
        return string.Create(CultureInfo.InvariantCulture, $"{seconds} {(time.Ticks - (seconds * TimeSpan.TicksPerSecond)) * 100}");
    }
}

/// <summary>The name the container has for itself.</summary>
internal sealed unsafe class SetHostname(string hostname) : LaunchOperation
{
    public override string Name => "set the host name";

    public override string Why => "The UTS namespace began with a copy of the host's name";

    public override void Compile(PlanCompiler plan)
        => plan.Add(SystemCall.sethostname, plan.Text(hostname), Encoding.UTF8.GetByteCount(hostname));

    public override void Shell(ShellScript script) => script.Inside($"hostname {ShellScript.Quote(hostname)}");

    public override string? Hint(Errno errno) => errno == Errno.EINVAL ? "A host name has at most 64 bytes." : null;
}

/// <summary>Moves into a network namespace that was made beforehand.</summary>
internal sealed class EnterNetNamespace(LaunchNetwork network) : LaunchOperation
{
    public override string Name => "enter the network namespace";

    public override string Why => network.Why;

    public override void Compile(PlanCompiler plan) => plan.Add(SystemCall.setns, network.Namespace, Kernel.CLONE_NEWNET);

    public override void Shell(ShellScript script)
    {
    }
}

/// <summary>Switches <c>lo</c> on.</summary>
internal sealed unsafe class LoopbackUp : LaunchOperation
{
    public override string Name => "set lo up";

    public override string Why => "A new network namespace has one link, lo, and it is down";

    public override void Compile(PlanCompiler plan)
    {
        Span<byte> request = stackalloc byte[Loopback.RequestSize];
        Loopback.WriteRequest(request);
        plan.Add(SystemCall.socket, Kernel.AF_INET, Kernel.SOCK_DGRAM | Kernel.SOCK_CLOEXEC, 0).Into(plan.File);
        plan.Add(SystemCall.ioctl, plan.File, Loopback.SIOCSIFFLAGS, plan.Program.Bytes(request));
    }

    public override void Shell(ShellScript script) => script.Inside("ip link set lo up");
}
