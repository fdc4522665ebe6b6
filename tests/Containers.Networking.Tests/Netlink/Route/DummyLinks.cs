using Xunit;

namespace Containers.Tests.Netlink.Route;

internal static class DummyLinks
{
    /// <summary>The module makes a dummy0 on the host when it is loaded, and it is loaded for whoever asks for such a link.</summary>
    public static void SkipIfTheyLeaveOne()
        => Assert.SkipWhen(!Directory.Exists("/sys/module/dummy") && Directory.Exists($"/lib/modules/{File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}"),
            "the module dummy is not loaded, and would leave a dummy0 on the host: \"modprobe dummy numdummies=0\"");
}
