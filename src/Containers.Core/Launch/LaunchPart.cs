using Containers.Limits;
using Containers.Native;
using Containers.Security.Credentials;
using Containers.Resources;
using Containers.Security.Seccomp;

namespace Containers.Launch;

/// <summary>Where a child waits for its host.</summary>
internal enum LaunchGate
{
    /// <summary>Its first moment: no id of it is set, nothing is mounted. Maps of ids are written here, and cgroups joined that cannot be born in.</summary>
    Born,

    /// <summary>Its last one: all is made, every policy is applied, the command is executed next. The host waits until the child has come here.</summary>
    Ready,
}

/// <summary>
/// Something that the host process does or holds for one container: a cgroup, maps of ids, a listener. A feature that the
/// child's steps alone cannot give is one of these, made by <see cref="LaunchParts"/>; the launcher knows no more of it.
/// </summary>
/// <remarks>
/// The order of calls: <see cref="Prepare"/>, <see cref="AtGate"/> for the gates it waits at, <see cref="Started"/>, <see cref="Explain"/>
/// once the command has ended, <see cref="Dispose"/>. A start that fails goes to <see cref="Dispose"/> at once, which is called in reverse order of the parts.
/// </remarks>
internal abstract class LaunchPart : IDisposable
{
    /// <summary>Makes what has to be there before the plan, and fills in what the plan has to know of it.</summary>
    public virtual void Prepare(LaunchRequest request)
    {
    }

    /// <summary>Fills in what the plan would have to know, with nothing made: for <see cref="ContainerBuilder.Explain"/>.</summary>
    public virtual void Foresee(LaunchRequest request)
    {
    }

    /// <summary>Another process is about to join the running container: fills in what its plan has to know. It passes the same gates.</summary>
    public virtual void PrepareExec(LaunchRequest request)
    {
    }

    /// <summary>Whether the child has to wait for <see cref="AtGate"/>. Asked after <see cref="Prepare"/>.</summary>
    public virtual bool WaitsAt(LaunchGate gate) => false;

    /// <summary>The child waits. What this throws ends the start.</summary>
    public virtual void AtGate(LaunchGate gate, LaunchedChild child)
    {
    }

    /// <summary>The command is executing.</summary>
    public virtual void Started(Container container)
    {
    }

    /// <summary>All processes of the container are to end, and the command is sent SIGKILL besides. On any thread, at any time before <see cref="Dispose"/>.</summary>
    public virtual void Kill()
    {
    }

    /// <summary>A process of the container, the first one or one that joined, has executed its program and shares no memory with the host any more.</summary>
    public virtual void Executed(int pid)
    {
    }

    /// <summary>The command has ended: what this part knows of the reason. Called once, on any thread, before anyone is told of the end.</summary>
    public virtual ContainerExit Explain(ContainerExit exit) => exit;

    /// <summary>Undoes all of it: after the command's end, or after a failure at any stage.</summary>
    public virtual void Dispose()
    {
    }
}

/// <summary>The parts of one container, in the order in which they are made.</summary>
internal sealed class LaunchParts : IDisposable
{
    private readonly List<LaunchPart> _parts = [];

    /// <summary>Those that a spec asks for. None of them has made anything yet.</summary>
    public static LaunchParts Of(ContainerSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        LaunchParts parts = new();
        if (spec.Init)
        {
            parts._parts.Add(new InitPart()); // first: others explain further what it knows of the end
        }

        if (spec.RootMode == RootMode.Copy)
        {
            parts._parts.Add(new Storage.CopiedRoot());
        }

        if (CgroupPlan.IsNeeded(spec))
        {
            parts._parts.Add(new CgroupPart(spec));
        }

        if (spec.OomScoreAdjust is { } score)
        {
            parts._parts.Add(new OomScorePart(score));
        }

        parts._parts.AddRange(LimitParts.Of(spec));
        if (spec.SystemCallWatch != SystemCallWatch.None)
        {
            parts._parts.Add(new SystemCallPart(spec));
        }

        return parts;
    }

    /// <summary>Adds one that was made before the others.</summary>
    public T? Add<T>(T? part)
        where T : LaunchPart
    {
        if (part is not null)
        {
            _parts.Add(part);
        }

        return part;
    }

    public void Prepare(LaunchRequest request)
    {
        foreach (LaunchPart part in _parts)
        {
            part.Prepare(request);
        }

        TellGates(request);
    }

    public void Foresee(LaunchRequest request) => _parts.ForEach(part => part.Foresee(request));

    public void PrepareExec(LaunchRequest request)
    {
        _parts.ForEach(part => part.PrepareExec(request));
        TellGates(request);
    }

    private void TellGates(LaunchRequest request)
    {
        request.WaitsWhenBorn = _parts.Exists(part => part.WaitsAt(LaunchGate.Born));
        request.WaitsWhenReady = _parts.Exists(part => part.WaitsAt(LaunchGate.Ready));
    }

    /// <summary>Does what is to be done at each gate, and lets the child go on. A child that fails on its way is left to who waits for its end.</summary>
    /// <param name="announcedAtBirth">Whether the child has announced itself at the first gate, and so waits there in any case.</param>
    /// <param name="only">The gate that its program has, where it is one of two.</param>
    public void PassGates(LaunchRequest request, LaunchedChild child, bool announcedAtBirth = false, LaunchGate? only = null)
    {
        int announced = announcedAtBirth ? 1 : 0;
        foreach ((LaunchGate gate, bool waits) in (ReadOnlySpan<(LaunchGate, bool)>)[(LaunchGate.Born, request.WaitsWhenBorn || announcedAtBirth), (LaunchGate.Ready, request.WaitsWhenReady)])
        {
            if (!waits || (only is not null && gate != only))
            {
                continue;
            }

            if (gate != LaunchGate.Born && !child.WaitForAnnouncement(++announced))
            {
                return;
            }

            foreach (LaunchPart part in _parts.Where(part => part.WaitsAt(gate)))
            {
                part.AtGate(gate, child);
            }

            child.Open((int)gate);
        }
    }

    public void Started(Container container)
    {
        Executed(container.Pid);
        _parts.ForEach(part => part.Started(container));
    }

    public void Executed(int pid) => _parts.ForEach(part => part.Executed(pid));

    public void Kill()
    {
        foreach (LaunchPart part in _parts.ToArray()) // it may be disposed meanwhile
        {
            part.Kill();
        }
    }

    public ContainerExit Explain(ContainerExit exit) => _parts.Aggregate(exit, static (known, part) => part.Explain(known));

    /// <summary>All are undone, whatever fails; the first failure is thrown.</summary>
    public void Dispose()
    {
        Exception? first = null;
        for (int i = _parts.Count - 1; i >= 0; i--)
        {
            try
            {
                _parts[i].Dispose();
            }
            catch (Exception e)
            {
                first ??= e;
            }
        }

        _parts.Clear();
        if (first is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
        }
    }
}
