using Containers.Native;

namespace Containers.Security.Credentials;

/// <summary>What can be said about credentials before anything is started.</summary>
internal static unsafe class CredentialChecks
{
    /// <exception cref="ContainerException">The host cannot give something that is asked for.</exception>
    public static void Check(ContainerSpec spec)
    {
        if (Kernel.geteuid() == 0)
        {
            HostPrivileges.Check(spec.Capabilities);
        }

        foreach ((RlimitResource resource, Rlimit limit) in spec.Rlimits)
        {
            Check(resource, limit);
        }

        CheckOom(spec.OomScoreAdjust);
        CheckAffinity(spec);
        SysctlNames.Check(spec);
        if (spec.AppArmorProfile is { } profile)
        {
            CheckAppArmor(profile);
        }

        if (spec.SelinuxLabel is not null && !Directory.Exists("/sys/fs/selinux"))
        {
            throw new ContainerException($"The SELinux label \"{spec.SelinuxLabel}\" cannot be set: this host has no SELinux.");
        }
    }

    /// <summary>The file that the command's AppArmor profile is written to, below /proc: /proc/PID/attr/apparmor from Linux 5.8 on.</summary>
    public static string AppArmorFile => Directory.Exists("/proc/self/attr/apparmor") ? "self/attr/apparmor/exec" : "self/attr/exec";

    private static void Check(RlimitResource resource, Rlimit limit)
    {
        if (resource == RlimitResource.OpenFiles && limit.Hard > ulong.Parse(File.ReadAllText("/proc/sys/fs/nr_open"), System.Globalization.CultureInfo.InvariantCulture))
        {
            throw new ContainerException($"The limit {resource} of {limit} is not possible: the greatest is {File.ReadAllText("/proc/sys/fs/nr_open").Trim()}.", "/proc/sys/fs/nr_open sets it.");
        }

        Rlimit own;
        Kernel.Check(Kernel.Call(SystemCall.prlimit64, 0, (long)resource, 0, (long)&own), "get the limit", resource.ToString());
        if (limit.Hard > own.Hard && !HostPrivileges.Has(Capability.SysResource))
        {
            throw new ContainerException($"The limit {resource} of {limit} is not possible: this process's own hard limit is {own.Hard}.", "Only a process with CAP_SYS_RESOURCE can raise it.");
        }
    }

    private static void CheckOom(int? score)
    {
        int own = score is null ? 0 : int.Parse(File.ReadAllText("/proc/self/oom_score_adj"), System.Globalization.CultureInfo.InvariantCulture);
        if (score < own && !HostPrivileges.Has(Capability.SysResource))
        {
            throw new ContainerException($"The OOM score adjustment {score} is not possible: this process's own is {own}.", "Only a process with CAP_SYS_RESOURCE can have it lowered.");
        }
    }

    private static void CheckAffinity(ContainerSpec spec)
    {
        if (spec.Affinity.IsEmpty)
        {
            return;
        }

        const int Most = 8192;
        byte* mask = stackalloc byte[Most / 8];
        long bytes = Kernel.Check(Kernel.Call(SystemCall.sched_getaffinity, 0, Most / 8, (long)mask), "get the affinity");
        foreach (int processor in spec.Affinity)
        {
            if (processor < 0 || processor >= bytes * 8 || (mask[processor / 8] >> (processor % 8) & 1) == 0)
            {
                throw new ContainerException($"Processor {processor} cannot be used: this host has none of that number, or this process may not use it.");
            }
        }
    }

    private static void CheckAppArmor(string profile)
    {
        const string Enabled = "/sys/module/apparmor/parameters/enabled", Profiles = "/sys/kernel/security/apparmor/profiles";
        if (!File.Exists(Enabled) || File.ReadAllText(Enabled).Trim() != "Y")
        {
            throw new ContainerException($"The AppArmor profile \"{profile}\" cannot be set: this host has no AppArmor.");
        }

        // "name (mode)"; readable by root where securityfs is mounted.
        if (profile != "unconfined" && File.Exists(Profiles) && Kernel.geteuid() == 0 && !File.ReadLines(Profiles).Any(line => line.StartsWith(profile + " (", StringComparison.Ordinal)))
        {
            throw new ContainerException($"The AppArmor profile \"{profile}\" is not loaded on this host.", "apparmor_parser loads profiles; /sys/kernel/security/apparmor/profiles lists them.");
        }
    }
}

/// <summary>The adjustment of the OOM score. Told once the command has its own memory: before, the kernel would set it for all who share the memory, the host among them (proc(5)).</summary>
internal sealed class OomScorePart(int score) : Launch.LaunchPart
{
    public override void Executed(int pid)
    {
        try
        {
            File.WriteAllText(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/proc/{pid}/oom_score_adj"), score.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is DirectoryNotFoundException or FileNotFoundException or IOException { HResult: (int)Errno.ESRCH })
        {
            // It has ended already.
        }
        catch (UnauthorizedAccessException) when (DyingProcess.Is(pid))
        {
            // It has ended just now: the files of one that has no memory any more are root's (proc(5)), which keeps a host that is not root out.
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ContainerException($"The OOM score adjustment {score} could not be set.",
                "A host that is not root can set that of a command that runs as root inside, who is its own user, and not that of another user of the container.", e);
        }
    }
}
