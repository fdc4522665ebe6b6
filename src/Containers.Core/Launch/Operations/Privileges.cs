using System.Collections.Immutable;
using Containers.Native;
using Containers.Security.Credentials;

namespace Containers.Launch;

/// <summary>Narrows what processes of the container can ever have, and takes the user's ids.</summary>
internal sealed unsafe class DropPrivileges(LaunchRequest request) : LaunchOperation
{
    private const uint _LINUX_CAPABILITY_VERSION_3 = 0x20080522;

    private readonly ImmutableHashSet<Capability> _capabilities = request.Spec.Capabilities;

    public override string Name => "drop privileges";

    public override string Why => "Root inside keeps the capabilities that usual programs need; the rest is root's power over the host";

    public override void Compile(PlanCompiler plan)
    {
        for (int capability = 0; capability <= plan.Features.LastCapability; capability++)
        {
            if (!_capabilities.Contains((Capability)capability))
            {
                plan.Add(SystemCall.prctl, Kernel.PR_CAPBSET_DROP, capability);
            }
        }

        plan.Add(SystemCall.prctl, Kernel.PR_CAP_AMBIENT, Kernel.PR_CAP_AMBIENT_CLEAR_ALL);
        Span<uint> groups = [.. request.SupplementaryGroups];
        if (request.Maps is { DeniesSetGroups: true })
        {
            // Kept as they are: who has no privileges may not leave a group that is denied what others are allowed.
        }
        else
        {
            plan.Add(SystemCall.setgroups, groups.Length, plan.Program.Bytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(groups)));
        }

        plan.Add(SystemCall.setresgid, request.GroupId, request.GroupId, request.GroupId);
        ulong ambient = Bits(request.Spec.AmbientCapabilities);
        if (request.UserId != 0 && ambient != 0)
        {
            plan.Add(SystemCall.prctl, Kernel.PR_SET_KEEPCAPS, 1); // until exec; the change of ids would empty the permitted set
        }

        plan.Add(SystemCall.setresuid, request.UserId, request.UserId, request.UserId);

        // A user other than root has none but the ambient ones: the ids' change emptied the sets, and so does this one say.
        ulong bits = request.UserId == 0 ? Bits(_capabilities) : ambient;
        Span<uint> header = [_LINUX_CAPABILITY_VERSION_3, 0];
        Span<uint> sets = [(uint)bits, (uint)bits, (uint)ambient, (uint)(bits >> 32), (uint)(bits >> 32), (uint)(ambient >> 32)]; // effective, permitted, inheritable, twice 32 bits
        plan.Add(SystemCall.capset, plan.Program.Bytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(header)), plan.Program.Bytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(sets)));
        foreach (Capability capability in request.Spec.AmbientCapabilities.Order())
        {
            plan.Add(SystemCall.prctl, Kernel.PR_CAP_AMBIENT, Kernel.PR_CAP_AMBIENT_RAISE, (int)capability);
        }

        if (request.Spec.NoNewPrivileges)
        {
            plan.Add(SystemCall.prctl, Kernel.PR_SET_NO_NEW_PRIVS, 1);
        }
    }

    public override void Shell(ShellScript script)
    {
        string kept = string.Concat(_capabilities.Order().Select(capability => ",+" + CapabilityNames.NameOf(capability).ToLowerInvariant()));
        string ambient = string.Concat(request.Spec.AmbientCapabilities.Order().Select(capability => ",+" + CapabilityNames.NameOf(capability).ToLowerInvariant()));
        ambient = ambient.Length > 0 ? $"{ambient} --ambient-caps={ambient[1..]}" : "";
        script.Chain.Add($"setpriv --bounding-set=-all{kept} --inh-caps=-all{ambient}{(request.Spec.NoNewPrivileges ? " --no-new-privs" : "")}");
    }

    public override string? Hint(Errno errno) => errno == Errno.EPERM
        ? "This process may lack a capability that the container was to have, or CAP_SETPCAP, CAP_SETUID, CAP_SETGID."
        : null;

    private static ulong Bits(ImmutableHashSet<Capability> capabilities)
    {
        ulong bits = 0;
        foreach (Capability capability in capabilities)
        {
            bits |= 1UL << (int)capability;
        }

        return bits;
    }
}
