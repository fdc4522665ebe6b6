using System.Globalization;
using System.Security.Cryptography;
using Containers.Host;
using Containers.Native;
using Containers.Resources;
using Containers.Systemd;

namespace Containers;

/// <summary>
/// A scope of systemd that this process is in, with a part of the cgroup tree that is its own (Delegate=yes). Containers that are started
/// afterwards have their cgroups there, so an ordinary user's have limits on any host with systemd and cgroup v2.
/// Source: systemd.scope(5), org.freedesktop.systemd1(5), "Control Group APIs and Delegation".
/// </summary>
public sealed class SystemdScope
{
    private static readonly SemaphoreSlim s_gate = new(1);

    private SystemdScope(string cgroup) => Cgroup = cgroup;

    /// <summary>The cgroup whose children the containers' are, from the top of the tree: "/user.slice/user-1000.slice/user@1000.service/app.slice/containers-17.scope".</summary>
    public string Cgroup { get; }

    /// <summary>The name of the unit.</summary>
    public string Name => Cgroup[(Cgroup.LastIndexOf('/') + 1)..];

    /// <summary>
    /// Has systemd move this process to a scope of its own: an ordinary user's systemd (the one of "systemctl --user"), or root's the system's. A process
    /// that is in a delegated cgroup already, in such a scope or as a service with Delegate=yes, stays there, and nobody is asked.
    /// </summary>
    /// <remarks>
    /// Processes that this one has started before stay where they are. The scope ends with the last process in it. What the limits of the
    /// unit were that the process was in, a login session's or a service's, does not bind it any more; a service that wants limits for its containers
    /// says Delegate=yes in its unit and needs no scope.
    /// </remarks>
    /// <param name="name">The unit's name, as "build.scope"; null for one made of the process's number.</param>
    /// <param name="slice">The slice it is in, as "batch.slice"; null for systemd's choice: app.slice, for root system.slice.</param>
    /// <param name="cancellation">Ends the waiting; systemd may move the process all the same.</param>
    /// <exception cref="ContainerException">The host does not have cgroup v2 alone; no systemd answers; or it refuses, in its own words.</exception>
    public static async Task<SystemdScope> EnterAsync(string? name = null, string? slice = null, CancellationToken cancellation = default)
    {
        CheckName(name, ".scope", nameof(name));
        CheckName(slice, ".slice", nameof(slice));
        if (CgroupHost.Current.Mode != CgroupMode.V2)
        {
            throw new ContainerException("A scope of systemd's gives limits to containers on hosts with cgroup v2 alone, and this is none.", HostHints.Refer);
        }

        await s_gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            CgroupHost.Reread(); // another may have moved this process since
            if (Unified.Delegated is { } given)
            {
                return new SystemdScope(FromTop(given));
            }

            string unit = name ?? string.Create(CultureInfo.InvariantCulture, $"containers-{Environment.ProcessId}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}.scope");
            using (Manager manager = await Manager.ConnectAsync(cancellation).ConfigureAwait(false))
            {
                await manager.StartScopeAsync(unit, slice, cancellation).ConfigureAwait(false);
            }

            CgroupHost.Reread();
            if (Unified.Own is not { } own || Path.GetFileName(own) != unit)
            {
                throw new ContainerException($"systemd has started \"{unit}\", and this process is not in it but in \"{Unified.Own}\".");
            }

            if (Unified.Delegated is null)
            {
                Delegation.Mark(own); // systemd before 251 does not for users
                CgroupHost.Reread();
            }

            return new SystemdScope(FromTop(own));
        }
        finally
        {
            s_gate.Release();
        }
    }

    private static CgroupHierarchy Unified => CgroupHost.Current.Unified!;

    private static string FromTop(string directory) => Unified.Root.TrimEnd('/') + directory[Unified.Mount.Length..];

    // Systemd's own words of a bad one are "Unit name … is not valid", which the reply would say as well; but a "/" would be a path here.
    private static void CheckName(string? name, string ending, string parameter)
    {
        if (name is not null && (!name.EndsWith(ending, StringComparison.Ordinal) || name.Length == ending.Length || name.Contains('/', StringComparison.Ordinal)))
        {
            throw new ArgumentException($"\"{name}\" is no name of a unit that ends with \"{ending}\".", parameter);
        }
    }
}
